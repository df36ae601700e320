//! Text cells and formulas as HTML. The server sets them itself; the browser fetches the module that does, once and only when needed.

use std::cell::RefCell;

use leptos::prelude::*;
use notebook::Map;
use wasm_bindgen::prelude::*;

use crate::{browser, markdown};

#[wasm_bindgen]
extern "C" {
    type TextModule;
    #[wasm_bindgen(method, js_name = set_text)]
    fn set_text(this: &TextModule, source: &str, attachments: &str) -> String;
    #[wasm_bindgen(method, js_name = set_maths)]
    fn set_maths(this: &TextModule, tex: &str, display: bool) -> String;
}

thread_local! {
    /// The browser's module, once it is here.
    static MODULE: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// Sets text in the browser.
#[derive(Clone, Copy)]
pub struct TextSetter {
    ready: RwSignal<bool>,
    asked: StoredValue<bool>,
    addresses: StoredValue<(String, String)>,
}

/// Call it once where text is drawn below.
pub fn provide_text_setter() {
    let assets = crate::assets::use_assets();
    provide_context(TextSetter {
        ready: RwSignal::new(MODULE.with(|module| module.borrow().is_some())),
        asked: StoredValue::new(false),
        addresses: StoredValue::new((assets.url("text.js"), assets.url("text_bg.wasm"))),
    });
}

pub fn use_text_setter() -> Option<TextSetter> {
    use_context()
}

impl TextSetter {
    fn text(self, source: &str, attachments: &Map) -> Option<String> {
        self.with(|module| {
            let attachments = serde_json::to_string(attachments).unwrap_or_default();
            module.set_text(source, &attachments)
        })
    }

    fn maths(self, tex: &str, display: bool) -> Option<String> {
        self.with(|module| module.set_maths(tex, display))
    }

    /// `None` until the module is here; whoever asked in an effect is told when it is.
    fn with(self, work: impl FnOnce(&TextModule) -> String) -> Option<String> {
        if !self.ready.get() {
            self.fetch();
            return None;
        }
        MODULE.with(|module| {
            module
                .borrow()
                .as_ref()
                .map(|module| work(module.unchecked_ref()))
        })
    }

    fn fetch(self) {
        if self.asked.get_value() {
            return;
        }
        self.asked.set_value(true);
        let (script, wasm) = self.addresses.get_value();
        leptos::task::spawn_local(async move {
            match browser::wasm_module(&script, &wasm).await {
                Ok(module) => {
                    MODULE.with(|slot| slot.replace(Some(module)));
                    self.ready.try_set(true);
                }
                Err(why) => {
                    // The next text that is set tries again.
                    self.asked.try_set_value(false);
                    leptos::logging::warn!("text cannot be set: {why}");
                }
            }
        });
    }
}

/// HTML of Markdown. In the browser `None` until the module is here; whoever asked in an effect is told when it is.
pub fn set(setter: Option<TextSetter>, source: &str, attachments: &Map) -> Option<String> {
    if cfg!(not(target_arch = "wasm32")) {
        return Some(markdown::render(source, attachments));
    }
    setter?.text(source, attachments)
}

/// HTML of Markdown in an output; the words as they were written until it can be set.
pub fn text(setter: Option<TextSetter>, source: &str, attachments: &Map) -> String {
    set(setter, source, attachments).unwrap_or_else(|| as_written("pre", source))
}

/// Fetches the browser's module now, because it will be needed.
pub fn fetch() {
    if let Some(setter) = use_text_setter() {
        setter.fetch();
    }
}

/// MathML of a formula.
pub fn maths(setter: Option<TextSetter>, tex: &str, display: bool) -> String {
    if cfg!(not(target_arch = "wasm32")) {
        return markdown::maths(tex, display);
    }
    setter
        .and_then(|setter| setter.maths(tex, display))
        .unwrap_or_else(|| as_written("code", tex))
}

pub fn as_written(element: &str, text: &str) -> String {
    let mut html = format!("<{element} class=\"as-written\">");
    crate::highlight::escape_into(&mut html, text);
    html.push_str(&format!("</{element}>"));
    html
}
