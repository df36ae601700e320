//! The browser's entry: takes over the page the server drew.

#![recursion_limit = "512"]

use leptos::prelude::document;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the page, when the module is ready.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
    // For whoever has to know that the page answers now: styles, and the browser specs.
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-live", "");
    }
}
