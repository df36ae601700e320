//! JupyterLab beside the studio, where there is a Hub.

use leptos::prelude::*;

use crate::frame::kept;

/// Where browsers reach the Hub. For the server's renderer; the browser reads it off the root element.
#[derive(Clone, Default)]
pub struct HubAddress(pub Option<String>);

/// As the server wrote it on the root element.
pub(crate) fn address_for_root() -> Option<String> {
    use_context::<HubAddress>().and_then(|HubAddress(address)| address)
}

pub(crate) fn hub_address() -> Option<String> {
    if cfg!(target_arch = "wasm32") {
        kept("hub")
    } else {
        address_for_root()
    }
}
