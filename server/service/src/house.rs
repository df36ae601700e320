//! The house: what every visit shares.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use datalayer::{Caller, Error, Key, Live, Result, Session, Timestamp, UserId};
use db::{Audit, Db, DirectoryLock};
use iam::Passwords;
use storage::Blobs;
use tokio::sync::broadcast;

use crate::callers::Callers;
use crate::recent::Recent;
use crate::visit::Visit;
use crate::{Clock, watch};

/// Where a studio keeps its things.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its own folder: database, blobs, lock.
    pub data: PathBuf,
    /// `postgres://…`; `None` is SQLite in `data`.
    pub database: Option<String>,
    pub clock: Clock,
}

impl Config {
    /// SQLite in a folder, by the system's clock.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            database: None,
            clock: Clock::system(),
        }
    }
}

/// The inside of a studio. Cheap to clone.
#[derive(Clone)]
pub struct House(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub db: Db,
    pub blobs: Blobs,
    pub passwords: Passwords,
    pub clock: Clock,
    pub callers: Callers,
    pub recent: Recent,
    live: OnceLock<Arc<dyn Live>>,
    ended: broadcast::Sender<Key>,
    rights: broadcast::Sender<UserId>,
    /// Given back when the house is closed, whoever still holds a visit to it.
    lock: Mutex<Option<DirectoryLock>>,
}

impl House {
    /// Opens the studio's data for a server. Refused while another server has the folder.
    /// Needs a tokio runtime: it starts the watch for sessions ended by others.
    pub async fn open(config: Config) -> Result<Self> {
        make_folder(&config.data)?;
        let lock = DirectoryLock::take(&config.data)?;
        let house = Self::with(config, Some(lock)).await?;
        house
            .0
            .blobs
            .clear_cut_writes()
            .await
            .map_err(crate::blobs::refusal)?;
        watch::start(&house);
        Ok(house)
    }

    /// Opens the data for one command of an operator, whether a server runs or not. Takes no lock: SQLite and Postgres keep
    /// two writers apart themselves, and a running server notices within seconds which sessions were ended.
    pub async fn open_beside(config: Config) -> Result<Self> {
        make_folder(&config.data)?;
        Self::with(config, None).await
    }

    async fn with(config: Config, lock: Option<DirectoryLock>) -> Result<Self> {
        let url = match &config.database {
            Some(url) => url.clone(),
            None => config.data.join("datalayer.sqlite").display().to_string(),
        };
        let db = Db::open(&url).await?;
        let blobs = Blobs::open(config.data.join("blobs"))
            .await
            .map_err(crate::blobs::refusal)?;
        let passwords = Passwords::new()?;
        Ok(Self(Arc::new(Inner {
            db,
            blobs,
            passwords,
            clock: config.clock,
            callers: Callers::default(),
            recent: Recent::default(),
            live: OnceLock::new(),
            ended: broadcast::channel(1024).0,
            rights: broadcast::channel(1024).0,
            lock: Mutex::new(lock),
        })))
    }

    /// Tells the house its rooms. Once; later calls change nothing.
    pub fn set_live(&self, live: Arc<dyn Live>) {
        // The first rooms are the ones people sit in.
        let _ = self.0.live.set(live);
    }

    /// Every verb, bound to one caller.
    pub fn visit(&self, caller: Caller) -> Session {
        Session::new(Visit {
            house: self.clone(),
            caller,
        })
    }

    /// Sessions and tokens as they end (sign-out, password change, disabled): close their sockets. Whoever lags behind
    /// (`Lagged`) should ask [`House::caller_of`] again for every socket it holds.
    pub fn ended_keys(&self) -> broadcast::Receiver<Key> {
        self.0.ended.subscribe()
    }

    /// People whose rights changed somewhere. Rooms hear of it through `Live::rights_changed` already.
    pub fn rights_changes(&self) -> broadcast::Receiver<UserId> {
        self.0.rights.subscribe()
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<()> {
        Ok(self.0.db.ping().await?)
    }

    /// Which database it is, as people call it, for the start-up message.
    pub fn database_name(&self) -> &'static str {
        self.0.db.engine_name()
    }

    /// Commits and appends so far, for metrics.
    pub fn writer_counts(&self) -> (u64, u64) {
        let counts = self.0.db.writer_counts();
        (counts.commits, counts.appends)
    }

    /// Closes the rooms, commits what waits, closes the database.
    pub async fn close(&self) {
        if let Some(live) = self.live() {
            live.close().await;
        }
        self.0.db.close().await;
        self.0
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    pub(crate) fn live(&self) -> Option<&Arc<dyn Live>> {
        self.0.live.get()
    }

    /// After sessions or tokens ended in the database: nobody gets in with them any more, and their sockets close.
    pub(crate) fn announce_ended(&self, keys: impl IntoIterator<Item = Key>) {
        self.0.callers.forget();
        for key in keys {
            // Nobody listens: there is no socket to close.
            let _ = self.0.ended.send(key);
        }
    }

    /// After someone's rights changed in the database.
    pub(crate) async fn announce_rights(&self, user: &UserId) {
        self.0.callers.forget();
        let _ = self.0.rights.send(user.clone());
        if let Some(live) = self.live() {
            live.rights_changed(user).await;
        }
    }

    /// The time in milliseconds and 80 random bits: what an id is made of.
    pub(crate) fn id_parts(&self) -> Result<(u64, u128)> {
        let mut bits = [0_u8; 16];
        getrandom::fill(&mut bits).map_err(|_| {
            Error::unavailable(
                "system.randomness",
                "the system gives no random numbers now; try again in a moment",
            )
        })?;
        Ok((self.now().milliseconds(), u128::from_le_bytes(bits)))
    }

    pub(crate) fn audit(
        &self,
        actor: &str,
        action: &'static str,
        object: &str,
        detail: impl Into<String>,
    ) -> Result<Audit> {
        let (_, bits) = self.id_parts()?;
        let at = self.now();
        Ok(Audit {
            id: format!("aud_{:016x}{:010x}", at.0, bits & 0xff_ffff_ffff),
            at,
            actor: actor.to_owned(),
            action,
            object: object.to_owned(),
            detail: detail.into(),
        })
    }
}

fn make_folder(folder: &std::path::Path) -> Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).create(folder);
    made.map_err(|error| {
        Error::unavailable(
            "data.unwritable",
            format!(
                "the data directory {} cannot be made: {error}",
                folder.display()
            ),
        )
    })?;
    #[cfg(unix)]
    if folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_none())
    {
        use std::os::unix::fs::PermissionsExt as _;
        // What is inside belongs to whoever runs the studio. A folder in use keeps the rights it was given.
        let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
    }
    Ok(())
}
