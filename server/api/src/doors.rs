//! What the doors stand on: the house behind them, its rooms, and the settings of this studio.

use std::sync::Arc;

use async_trait::async_trait;
use datalayer::{Caller, Key, Ledger, Live, Provider, Result, Session, SessionId, UserId};
use tokio::sync::broadcast;

use crate::cookie::CookieMode;
use crate::limits::Limits;
use crate::live::Sockets;

/// What the doors need of the house: who someone is, and the verbs bound to them.
#[async_trait]
pub trait House: Send + Sync {
    /// Whose sign-in this cookie is. Unknown, ended and disabled ones are [`Caller::Nobody`].
    async fn caller_of(&self, secret: &str) -> Result<Caller>;
    /// Who signed in there, where another door of the studio has seen the cookie.
    async fn caller_in(&self, session: &SessionId) -> Result<Caller>;
    /// Keeps a sign-in under the id its browser will hold; `false` when there is one under this id.
    async fn open_session(&self, secret: &str, user: &UserId, agent: &str) -> Result<bool>;
    /// Ends the sign-in under this id, if it has not ended.
    async fn close_session(&self, secret: &str) -> Result<()>;
    /// Whom this token speaks for, or why it does not.
    async fn caller_with(&self, token: &str) -> Result<Caller>;
    fn visit(&self, caller: Caller) -> Session;
    /// Sign-ins and tokens as they end, so that open sockets end with them.
    fn ended_keys(&self) -> broadcast::Receiver<Key>;
    /// Does the database answer?
    async fn ready(&self) -> Result<()>;
}

/// How this studio is reached. Decided once, from the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    pub cookies: CookieMode,
    /// The one origin browsers reach the studio under (`https://studio.example`); `None`: whatever host they asked for, over plain http.
    pub origin: Option<String>,
    /// How many proxies in front of us append to `X-Forwarded-For`. 0: the header is ignored.
    pub trusted_proxies: usize,
    /// Requests per second from one address; 0: without limit.
    pub requests_per_second: u32,
    /// The page every output frame loads; `None` until the site is built.
    pub frame: Option<bytes::Bytes>,
}

/// Everything a handler may reach for.
pub struct Doors {
    pub house: Arc<dyn House>,
    pub ledger: Arc<dyn Ledger>,
    pub live: Arc<dyn Live>,
    /// `None`: the studio signs nobody in elsewhere.
    pub provider: Option<Arc<dyn Provider>>,
    pub settings: Settings,
    pub(crate) limits: Limits,
    pub(crate) sockets: Arc<Sockets>,
}

impl Doors {
    pub fn new(
        house: Arc<dyn House>,
        ledger: Arc<dyn Ledger>,
        live: Arc<dyn Live>,
        provider: Option<Arc<dyn Provider>>,
        settings: Settings,
    ) -> Arc<Self> {
        let limits = Limits::new(settings.requests_per_second);
        let sockets = Sockets::new();
        tokio::spawn(Sockets::follow(Arc::clone(&sockets), house.ended_keys()));
        Arc::new(Self {
            house,
            ledger,
            live,
            provider,
            settings,
            limits,
            sockets,
        })
    }

    /// Tell every tab that the studio restarts, and close its socket.
    pub fn close_sockets(&self) {
        self.sockets.close_all(1012, "the studio is restarting");
    }

    /// How many sockets are open.
    pub fn open_sockets(&self) -> usize {
        self.sockets.count()
    }
}
