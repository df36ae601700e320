//! The door to JupyterHub: an origin of its own, which the studio answers too.
//!
//! What runs in JupyterLab is anybody's code. On the studio's own origin it would act as whoever looks at it, so the Hub is
//! reached under another host name, by people who are signed in to the studio: a pass, sealed by the studio, says so. When
//! their sign-in ends, so do their open connections to the Hub.

mod config;
mod door;
mod gate;

pub use door::{HubDoor, by_host, router};

use anyhow::Result;

use crate::config::{Hub, Place, PublicUrl};
use crate::provider;

/// What `datalayer hub config` prints. The secret it names is there afterwards.
pub fn config_text(place: &Place, studio: &PublicUrl, hub: &Hub) -> Result<String> {
    provider::client_secret(&place.data)?;
    Ok(config::text(&config::Wiring {
        studio: &studio.origin,
        hub: &hub.url.address(),
        upstream: &hub.upstream,
        base: &hub.url.base,
        secret: &provider::client_secret_file(&place.data),
        https: hub.url.is_https(),
    }))
}
