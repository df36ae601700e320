//! The document around every page: head, theme, asset manifest and the script that brings the page to life.

use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use crate::App;
use crate::assets::{self, Assets, use_assets};
use crate::call;
use crate::frame::Look;
use crate::hub::address_for_root;

/// Keeps a click that comes before the page answers.
const EARLY: &str = include_str!("shell/early.js");

/// The whole document, for the server's renderer. Wants [`Assets`] in the context.
pub fn shell() -> impl IntoView {
    let assets = use_assets();
    let look = Look::from_cookies();
    let kept_closed = |name| call::cookie(name).filter(|state| state == "closed");
    let (sidebar, panel) = (kept_closed("sidebar"), kept_closed("panel"));
    let lines = call::cookie("lines").filter(|state| state == "on");
    let hub = address_for_root();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=look.theme.attribute() data-contrast=look.contrast.attribute() data-sidebar=sidebar data-panel=panel data-lines=lines data-hub=hub>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content=look.theme.color_scheme()/>
                <link rel="stylesheet" href=assets.url("main.css")/>
                <link rel="icon" type="image/svg+xml" href=assets.url("favicon.svg")/>
                <Scripts assets/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The manifest and the start of the browser's half. No address is written into a script that is not ours: names come from the build.
#[component]
fn Scripts(assets: Assets) -> impl IntoView {
    let nonce = use_nonce();
    let module = module_of(&call::path());
    let (js, wasm) = (format!("{module}.js"), format!("{module}_bg.wasm"));
    let start = format!(
        "import({js}).then(m => m.default({{module_or_path: {wasm}}}).then(() => m.hydrate_{module}()))",
        js = quoted(&assets.url(&js)),
        wasm = quoted(&assets.url(&wasm)),
    );
    let manifest = escaped(&assets.json());
    view! {
        <link rel="modulepreload" href=assets.url(&js) nonce=nonce.clone()/>
        <link rel="preload" href=assets.url(&wasm) r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/>
        <script nonce=nonce.clone() inner_html=EARLY></script>
        <script type="application/json" id=assets::ELEMENT nonce=nonce.clone() inner_html=manifest></script>
        <script type="module" nonce=nonce inner_html=start></script>
    }
}

/// Which of the browser's modules takes a page over.
fn module_of(path: &str) -> &'static str {
    if path.starts_with("/n/") {
        "notebook"
    } else {
        "explorer"
    }
}

/// A JavaScript string literal that cannot end its script element.
fn quoted(text: &str) -> String {
    escaped(&serde_json::to_string(text).unwrap_or_default())
}

/// JSON that may stand inside a script element.
fn escaped(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_early_script_is_one_script() {
        assert!(!EARLY.contains("</") && !EARLY.contains("<!--"));
    }

    #[test]
    fn nothing_in_the_manifest_can_end_its_script() {
        assert_eq!(quoted("</script>"), "\"\\u003c/script>\"");
    }
}
