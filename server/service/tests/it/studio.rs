//! A studio to try things in, and people to try them.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datalayer::{
    Caller, Credentials, Kernel, Live, NewNotebook, NewSpace, NewUser, Notebook, NotebookId,
    Result, Role, Seat, Session, Space, Timestamp, User, UserId, Wire,
};
use notebook::Snapshot;
use notebook::presence::Present;
use notebook::wire::{May, Say};
use service::{Clock, Config, House};

pub const PASSWORD: &str = "a long enough sentence";

/// Runs a claim on both engines: `on_both! { async fn claim(studio: Studio) { … } }`.
macro_rules! on_both {
    ($(async fn $claim:ident($studio:ident: Studio) $words:block)+) => {
        $(async fn $claim($studio: crate::studio::Studio) $words

        mod $claim {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$claim(crate::studio::Studio::on_sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(studio) = crate::studio::Studio::on_postgres().await {
                    super::$claim(studio).await;
                }
            }
        })+
    };
}

pub struct Studio {
    pub house: House,
    pub time: TestTime,
    config: Config,
    _folder: Arc<tempfile::TempDir>,
}

/// A clock that moves only when told.
#[derive(Clone)]
pub struct TestTime(Arc<AtomicI64>);

impl TestTime {
    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl Studio {
    pub async fn on_sqlite() -> Self {
        Self::at(None).await
    }

    pub async fn on_postgres() -> Option<Self> {
        // Starting the cluster takes a second or two, on a thread that may wait.
        let url = tokio::task::spawn_blocking(crate::postgres::fresh_database)
            .await
            .unwrap()?;
        Some(Self::at(Some(url)).await)
    }

    pub async fn at(database: Option<String>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let time = TestTime(Arc::new(AtomicI64::new(1_795_000_000_000_000)));
        let clock = {
            let time = time.clone();
            Clock::from_fn(move || time.now())
        };
        let config = Config {
            database,
            clock,
            ..Config::new(folder.path().join("data"))
        };
        let house = House::open(config.clone()).await.unwrap();
        Self {
            house,
            time,
            config,
            _folder: folder,
        }
    }

    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// Closes the studio and opens it again, as a restart would.
    pub async fn restarted(self) -> Self {
        let Self {
            house,
            time,
            config,
            _folder,
        } = self;
        house.close().await;
        let house = House::open(config.clone()).await.unwrap();
        Self {
            house,
            time,
            config,
            _folder,
        }
    }

    /// The database itself, to look at what the verbs do not show.
    pub async fn facts(&self) -> db::Db {
        let url = match &self.config.database {
            Some(url) => url.clone(),
            None => self
                .config
                .data
                .join("datalayer.sqlite")
                .display()
                .to_string(),
        };
        db::Db::open(&url).await.unwrap()
    }

    pub fn nobody(&self) -> Session {
        self.house.visit(Caller::Nobody)
    }

    /// Ada sets the studio up: its first administrator.
    pub async fn ada(&self) -> Person {
        let token = self.house.setup_link_token().await.unwrap().unwrap();
        let nobody = self.nobody();
        let ada = nobody.set_up(&token, new_user("ada", "Ada")).await;
        self.as_person(ada.unwrap()).await
    }

    /// Someone new, created by the operator and signed in.
    pub async fn someone(&self, username: &str) -> Person {
        self.house
            .add_user(new_user(username, username))
            .await
            .unwrap();
        self.sign_in(username).await
    }

    pub async fn sign_in(&self, username: &str) -> Person {
        let nobody = self.nobody();
        let person = nobody.sign_in(credentials(username, PASSWORD)).await;
        self.as_person(person.unwrap()).await
    }

    /// Someone new with this role in a space of `manager`'s.
    pub async fn member(
        &self,
        username: &str,
        role: Role,
        manager: &Person,
        space: &Space,
    ) -> Person {
        let person = self.someone(username).await;
        manager.set_member(&space.id, username, role).await.unwrap();
        person
    }

    async fn as_person(&self, user: User) -> Person {
        let secret = self.remember(&user, "Firefox").await;
        let session = self.visit(&secret).await;
        assert_eq!(session.caller().user(), Some(&user));
        Person {
            user,
            secret,
            session,
        }
    }

    /// What a door does after a sign-in: a session under a new id, which the browser gets.
    pub async fn remember(&self, user: &User, agent: &str) -> String {
        let secret = iam::Secret::new().unwrap().text[..22].to_owned();
        let opened = self.house.open_session(&secret, &user.id, agent).await;
        assert_eq!(opened.unwrap(), service::Opening::Done);
        secret
    }

    /// What a door does with a cookie.
    pub async fn visit(&self, secret: &str) -> Session {
        self.house
            .visit(self.house.caller_of(secret).await.unwrap())
    }

    pub async fn holds(&self, secret: &str) -> bool {
        self.house.caller_of(secret).await.unwrap().user().is_some()
    }
}

/// Someone signed in.
pub struct Person {
    pub user: User,
    pub secret: String,
    session: Session,
}

impl std::ops::Deref for Person {
    type Target = Session;
    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Person {
    pub async fn space(&self, name: &str) -> Space {
        self.create_space(NewSpace {
            name: name.into(),
            description: String::new(),
        })
        .await
        .unwrap()
    }

    pub async fn notebook(&self, space: &Space, title: &str) -> Notebook {
        self.create_notebook(
            &space.id,
            NewNotebook {
                title: title.into(),
            },
        )
        .await
        .unwrap()
    }
}

pub fn new_user(username: &str, name: &str) -> NewUser {
    NewUser {
        username: username.into(),
        name: name.into(),
        password: PASSWORD.into(),
        administrator: false,
    }
}

pub fn credentials(username: &str, password: &str) -> Credentials {
    Credentials {
        username: username.into(),
        password: password.into(),
    }
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(answer: Result<T>) -> String {
    answer.map_or_else(
        |error| error.code(),
        |value| panic!("not refused: {value:?}"),
    )
}

/// Rooms that only remember what they were told.
#[derive(Default)]
pub struct Rooms {
    pub told: Mutex<Vec<UserId>>,
    pub titles: Mutex<Vec<String>>,
    pub open: Mutex<Option<Snapshot>>,
    /// Who sits where.
    pub seats: Mutex<Vec<(NotebookId, Present)>>,
    pub kernels: Mutex<Vec<Kernel>>,
}

#[async_trait]
impl Live for Rooms {
    async fn join(
        &self,
        _: Caller,
        _: May,
        _: &NotebookId,
        _: Say,
        _: Arc<dyn Wire>,
    ) -> Result<Box<dyn Seat>> {
        Err(datalayer::Error::unavailable(
            "room.none",
            "these rooms have no seats",
        ))
    }

    async fn snapshot(&self, _: &NotebookId) -> Option<Snapshot> {
        self.open.lock().unwrap().clone()
    }

    fn open(&self) -> Vec<NotebookId> {
        let seats = self.seats.lock().unwrap();
        seats.iter().map(|(notebook, _)| notebook.clone()).collect()
    }

    async fn present(&self, notebook: &NotebookId) -> Vec<Present> {
        let seats = self.seats.lock().unwrap();
        let here = seats.iter().filter(|(place, _)| place == notebook);
        here.map(|(_, present)| present.clone()).collect()
    }

    fn kernels(&self) -> Vec<Kernel> {
        self.kernels.lock().unwrap().clone()
    }

    async fn rights_changed(&self, user: &UserId) {
        self.told.lock().unwrap().push(user.clone());
    }

    async fn renamed(&self, _: &NotebookId, title: &str) {
        self.titles.lock().unwrap().push(title.to_owned());
    }

    async fn close(&self) {}
}
