//! What `datalayer hub config` takes: the part of `datalayer serve` that concerns a JupyterHub.

use anyhow::{Result, bail};

use super::{Hub, Place, PlaceArgs, PublicUrl, given, hub};

#[derive(Clone, Debug, Default, clap::Args)]
pub struct HubConfigArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Address under which browsers and the Hub reach the studio, as `datalayer serve` is told
    #[arg(
        long,
        env = "DATALAYER_PUBLIC_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    public_url: Option<String>,
    /// Address under which browsers reach the Hub, as `datalayer serve` is told
    #[arg(
        long,
        env = "DATALAYER_HUB",
        value_name = "URL",
        hide_env_values = true
    )]
    hub: Option<String>,
    /// Where the studio reaches the Hub's proxy, as `datalayer serve` is told [default: http://127.0.0.1:8000]
    #[arg(
        long,
        env = "DATALAYER_HUB_UPSTREAM",
        value_name = "URL",
        hide_env_values = true
    )]
    hub_upstream: Option<String>,
}

impl HubConfigArgs {
    pub fn resolve(self) -> Result<(Place, PublicUrl, Hub)> {
        let (place, file) = self.place.open()?;
        let public_url = given(self.public_url, file.public_url)
            .map(|url| url.parse::<PublicUrl>())
            .transpose()?;
        let hub = hub(
            given(self.hub, file.hub),
            None,
            given(self.hub_upstream, file.hub_upstream),
            public_url.as_ref(),
        )?;
        match (public_url, hub) {
            (Some(public_url), Some(hub)) => Ok((place, public_url, hub)),
            _ => bail!(
                "hub: which one? Give --hub with its address for browsers, such as https://hub.example/jupyter/, and --public-url with the studio's"
            ),
        }
    }
}
