//! The wiring: which floor stands on which. Nothing is decided here.

use std::sync::Arc;

use anyhow::Result;
use api::{Doors, Settings};
use async_trait::async_trait;
use axum::Router;
use axum::middleware::from_fn_with_state;
use datalayer::{Caller, Key, Ledger, Live, RunLedger, Runner, Session, SessionId, UserId};
use jupyter::Gateway;
use rooms::Rooms;
use service::{Clock, House, Opening, Provider, ProviderConfig};
use tokio::sync::broadcast;

use crate::cli;
use crate::config::{self, Config};
use crate::hub::{self, HubDoor};
use crate::no_kernels::NoKernels;
use crate::pages;
use crate::provider;
use crate::site::Site;

/// A studio, opened and ready to answer.
pub struct Studio {
    house: House,
    rooms: Rooms,
    doors: Arc<Doors>,
    site: Site,
    hub: Option<Arc<HubDoor>>,
}

impl Studio {
    /// Opens the data, the rooms and the doors. Refused while another studio has the data.
    pub async fn open(config: &Config) -> Result<Self> {
        let place = &config.place;
        let house = House::open(service::Config {
            data: place.data.clone(),
            database: place.database.clone(),
            clock: Clock::system(),
        })
        .await?;
        let ledger: Arc<dyn Ledger> = Arc::new(house.clone());
        let runs: Arc<dyn RunLedger> = Arc::new(house.clone());
        let runner = runner(config, runs).await?;
        let rooms = Rooms::new(Arc::clone(&ledger), runner, rooms::Config::default());
        let live: Arc<dyn Live> = Arc::new(rooms.clone());
        house.set_live(Arc::clone(&live));
        let site = Site::open(&config.site);
        let settings = Settings {
            cookies: if config.is_https() {
                api::CookieMode::Https
            } else {
                api::CookieMode::PlainLoopback
            },
            origin: config.public_url.as_ref().map(|url| url.origin.clone()),
            trusted_proxies: config.trusted_proxies,
            requests_per_second: config.requests_per_second,
            frame: site.frame.clone(),
        };
        let provider = provider(config, &house)?;
        let inside = Arc::new(Inside(house.clone()));
        let doors = Doors::new(inside, ledger, live, provider, settings);
        let hub = match (&config.hub, &config.public_url) {
            (Some(hub), Some(studio)) => Some(HubDoor::open(place, studio, hub, &doors)?),
            _ => None,
        };
        Ok(Self {
            hub,
            house,
            rooms,
            doors,
            site,
        })
    }

    /// Every route of the studio, with every layer around it.
    pub fn router(&self) -> Router {
        let beside = self.hub.as_ref().map(|hub| hub.address());
        let routes = api::router(&self.doors)
            .merge(self.site.files())
            .merge(pages::router(&self.doors, self.site.assets.clone(), beside));
        let Some(hub) = &self.hub else {
            return api::around_everything(routes, &self.doors);
        };
        // The Hub's answers keep their own headers: what is for its host goes its way before anything of ours.
        api::around_everything(routes.merge(hub::router(hub)), &self.doors)
            .layer(from_fn_with_state(Arc::clone(hub), hub::by_host))
    }

    /// The secret of the set-up link, while the studio waits for its first administrator.
    pub async fn setup_token(&self) -> datalayer::Result<Option<String>> {
        self.house.setup_link_token().await
    }

    /// Finish what the rooms have in hand.
    pub async fn close_rooms(&self) {
        self.rooms.close().await;
    }

    /// Tell every tab that the studio restarts.
    pub fn close_sockets(&self) {
        self.doors.close_sockets();
    }

    pub async fn close(&self) {
        self.house.close().await;
    }
}

/// The studio as the provider of its Hub, where it has one.
fn provider(config: &Config, house: &House) -> Result<Option<Arc<dyn datalayer::Provider>>> {
    let (Some(hub), Some(public_url)) = (&config.hub, &config.public_url) else {
        return Ok(None);
    };
    let client_secret = match &hub.client_secret {
        Some(secret) => secret.clone(),
        None => provider::client_secret(&config.place.data)?,
    };
    let config = ProviderConfig {
        issuer: public_url.origin.clone(),
        client_secret,
        client_origin: hub.url.origin.clone(),
        redirect_uri: hub.url.redirect_uri(),
        signed_out_uri: hub.url.signed_out_uri(),
    };
    Ok(Some(Arc::new(Provider::new(house.clone(), config)?)))
}

/// The embedded gateway, or what stands in where code does not run.
async fn runner(config: &Config, runs: Arc<dyn RunLedger>) -> Result<Arc<dyn Runner>> {
    if !config.kernels {
        return Ok(Arc::new(NoKernels::new(runs)));
    }
    let gateway = jupyter::Config {
        environment: config::environment(),
        python: config.python.clone(),
        cull: config.kernel_idle,
        limits: jupyter::Limits {
            memory: config.kernel_memory,
            ..jupyter::Limits::default()
        },
        ..jupyter::Config::new(
            config.place.data.clone(),
            cli::own_path()?,
            vec!["kernel-supervisor".into()],
        )
    };
    Ok(Gateway::open(gateway, runs).await?)
}

/// The house, as the doors know it.
struct Inside(House);

#[async_trait]
impl api::House for Inside {
    async fn caller_of(&self, secret: &str) -> datalayer::Result<Caller> {
        self.0.caller_of(secret).await
    }
    async fn caller_in(&self, session: &SessionId) -> datalayer::Result<Caller> {
        self.0.caller_in(session).await
    }
    async fn open_session(
        &self,
        secret: &str,
        user: &UserId,
        agent: &str,
    ) -> datalayer::Result<bool> {
        Ok(self.0.open_session(secret, user, agent).await? == Opening::Done)
    }
    async fn close_session(&self, secret: &str) -> datalayer::Result<()> {
        self.0.close_session(secret).await
    }
    async fn caller_with(&self, token: &str) -> datalayer::Result<Caller> {
        self.0.caller_with(token).await
    }
    fn visit(&self, caller: Caller) -> Session {
        self.0.visit(caller)
    }
    fn ended_keys(&self) -> broadcast::Receiver<Key> {
        self.0.ended_keys()
    }
    async fn ready(&self) -> datalayer::Result<()> {
        self.0.ping().await
    }
}
