//! The asset manifest: what a logical name such as `app.js` is called in this build.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// Id of the element that carries the manifest to the browser.
pub(crate) const ELEMENT: &str = "assets";

/// Logical name → address. The server provides it as context; in the browser it is read from the document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Assets(Arc<BTreeMap<String, String>>);

impl Assets {
    pub fn new(addresses: BTreeMap<String, String>) -> Self {
        Self(Arc::new(addresses))
    }

    /// From the `manifest.json` of a built site.
    pub fn from_json(manifest: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(manifest)
    }

    /// The address of an asset; of one this build does not have, an address that answers "not found" by its own name.
    pub fn url(&self, name: &str) -> String {
        self.0
            .get(name)
            .cloned()
            .unwrap_or_else(|| format!("/pkg/{name}"))
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The manifest of this build.
pub fn use_assets() -> Assets {
    use_context::<Assets>().unwrap_or_default()
}

/// For the root of the app: the server's own manifest, or the one in the document.
pub(crate) fn provide_assets() {
    let assets = use_context::<Assets>().unwrap_or_else(|| {
        if is_server() {
            Assets::default()
        } else {
            ui::dom::text_of(ELEMENT)
                .and_then(|json| Assets::from_json(&json).ok())
                .unwrap_or_default()
        }
    });
    provide_context(ui::Icons(assets.url("icons.svg")));
    provide_context(assets);
}

fn is_server() -> bool {
    cfg!(not(target_arch = "wasm32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_an_unknown_name_still_has_an_address() {
        let assets = Assets::from_json(r#"{"app.js":"/pkg/app.1234.js"}"#).unwrap();
        assert_eq!(assets.url("app.js"), "/pkg/app.1234.js");
        assert_eq!(assets.url("main.css"), "/pkg/main.css");
        assert_eq!(Assets::from_json(&assets.json()).unwrap(), assets);
    }
}
