//! The browser's entries. Each is a module of its own, so that a page loads only what it needs.

#![recursion_limit = "512"]

use wasm_bindgen::prelude::wasm_bindgen;

/// Takes over every page but a notebook's.
#[cfg(feature = "explorer")]
#[wasm_bindgen]
pub fn hydrate_explorer() {
    hydrate(app::Explorer);
}

/// Takes over a notebook's page.
#[cfg(feature = "notebook")]
#[wasm_bindgen]
pub fn hydrate_notebook() {
    hydrate(app::Notebook);
}

/// Sets a text cell: Markdown and the cell's attachments (JSON) to HTML.
#[cfg(feature = "text")]
#[wasm_bindgen]
pub fn set_text(source: &str, attachments: &str) -> String {
    app::markdown::render(
        source,
        &serde_json::from_str(attachments).unwrap_or_default(),
    )
}

/// Sets one formula.
#[cfg(feature = "text")]
#[wasm_bindgen]
pub fn set_maths(tex: &str, display: bool) -> String {
    app::markdown::maths(tex, display)
}

#[cfg(any(feature = "explorer", feature = "notebook"))]
fn hydrate<V: leptos::IntoView + 'static>(app: fn() -> V) {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app);
    // For whoever has to know that the page answers now: styles, the browser specs, and a click that came too early.
    if let Some(root) = leptos::prelude::document().document_element() {
        let _ = root.set_attribute("data-live", "");
    }
    if let Ok(event) = web_sys::Event::new("live") {
        let _ = leptos::prelude::window().dispatch_event(&event);
    }
}
