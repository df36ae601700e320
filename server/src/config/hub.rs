//! Which JupyterHub stands beside the studio.

use anyhow::{Result, bail};

use super::{File, Place, PlaceArgs, PublicUrl, given};
use crate::hub::HubPlace;

/// Where a JupyterHub is. `datalayer serve` and `datalayer hub config` must be told the same.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct HubArgs {
    /// Address under which browsers reach a JupyterHub through the studio, with its base path: a host name of its own, such as https://hub.example/jupyter/ [default: no Hub]
    #[arg(
        long,
        env = "DATALAYER_HUB",
        value_name = "URL",
        hide_env_values = true
    )]
    hub: Option<String>,
    /// Where the studio reaches the proxy of that Hub, without a path [default: http://127.0.0.1:8000]
    #[arg(
        long,
        env = "DATALAYER_HUB_UPSTREAM",
        value_name = "URL",
        hide_env_values = true
    )]
    hub_upstream: Option<String>,
}

/// A JupyterHub, and the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubConfig {
    pub place: HubPlace,
    /// Scheme, host and port.
    pub upstream: String,
}

impl HubArgs {
    pub(super) fn resolve(
        self,
        file: &mut File,
        studio: Option<&PublicUrl>,
    ) -> Result<Option<HubConfig>> {
        let upstream = given(self.hub_upstream, file.hub_upstream.take());
        let Some(address) = given(self.hub, file.hub.take()) else {
            if upstream.is_some() {
                bail!("hub-upstream: says where a Hub is that nobody can reach; give --hub too");
            }
            return Ok(None);
        };
        let place: HubPlace = address.parse()?;
        place.check_apart_from(studio)?;
        Ok(Some(HubConfig {
            place,
            upstream: upstream.map_or_else(
                || "http://127.0.0.1:8000".to_owned(),
                |url| url.trim_end_matches('/').to_owned(),
            ),
        }))
    }
}

/// What `datalayer hub config` takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct HubConfigArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Address under which browsers reach the studio, as `datalayer serve` is told
    #[arg(
        long,
        env = "DATALAYER_PUBLIC_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    public_url: Option<String>,
    #[command(flatten)]
    hub: HubArgs,
}

impl HubConfigArgs {
    pub fn resolve(self) -> Result<(Place, PublicUrl, HubConfig)> {
        let (place, mut file) = self.place.open()?;
        let public_url = given(self.public_url, file.public_url.take())
            .map(|url| url.parse::<PublicUrl>())
            .transpose()?;
        let hub = self.hub.resolve(&mut file, public_url.as_ref())?;
        match (public_url, hub) {
            (Some(public_url), Some(hub)) => Ok((place, public_url, hub)),
            _ => bail!(
                "hub: which one? Give --hub with its address for browsers, such as https://hub.example/jupyter/, and --public-url with the studio's"
            ),
        }
    }
}
