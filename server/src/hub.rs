//! The door to JupyterHub: an origin of its own, which the studio answers too.
//!
//! What runs in JupyterLab is anybody's code. On the studio's own origin it would act as whoever looks at it, so the Hub is
//! reached under another host name, by people who are signed in to the studio: a pass, sealed by the studio, says so. When
//! their sign-in ends, so do their open connections to the Hub.

mod config;
mod door;
mod gate;
mod place;

pub use door::{HubDoor, by_host, router};
pub use place::HubPlace;

use anyhow::Result;

use crate::config::{HubConfig, Place, PublicUrl};

/// What `datalayer hub config` prints.
pub fn config_text(place: &Place, studio: &PublicUrl, hub: &HubConfig) -> Result<String> {
    Ok(config::text(&config::Wiring {
        studio: &studio.origin,
        hub: &hub.place.to_string(),
        upstream: &hub.upstream,
        base: &hub.place.base,
        secret: &place.data.join("hub/client-secret"),
        https: hub.place.https,
    }))
}
