//! The house: which rooms are open, and the way in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use datalayer::{
    Caller, Error, Kernel, Ledger, Live, NotebookId, Noun, Result, Runner, Scopes, Seat, UserId,
    Wire,
};
use notebook::Snapshot;
use notebook::presence::Present;
use notebook::wire::{May, Say};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::Config;
use crate::pace::Pace;
use crate::room::{self, Join, Message, Person};

/// How often a join tries again when the room ended just before it could sit down.
const TRIES: u32 = 8;
/// Rights a door read before this long are looked up again after a change.
const RIGHTS_AGE: Duration = Duration::from_secs(30);
/// People whose pace of joining is remembered.
const PACES: usize = 10_000;

/// The rooms of the studio. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<House>);

pub(crate) struct House {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) runner: Arc<dyn Runner>,
    pub(crate) config: Config,
    register: Mutex<Register>,
}

#[derive(Default)]
struct Register {
    doors: HashMap<NotebookId, Door>,
    paces: HashMap<UserId, Pace>,
    /// When somebody's rights changed last.
    rights_changed: Option<Instant>,
    shut: bool,
}

struct Door {
    room: mpsc::UnboundedSender<Message>,
    /// Its task is finishing; who wants in waits for the end and opens it again.
    closing: bool,
}

impl Rooms {
    pub fn new(ledger: Arc<dyn Ledger>, runner: Arc<dyn Runner>, config: Config) -> Self {
        Self(Arc::new(House {
            ledger,
            runner,
            config,
            register: Mutex::default(),
        }))
    }

    /// How many rooms are open; for metrics.
    pub fn open_rooms(&self) -> usize {
        self.0.register().doors.len()
    }
}

#[async_trait]
impl Live for Rooms {
    /// Errors are for the tab: closed with `4000 + Error::status()`, it may join again after a 4429 or 4503.
    async fn join(
        &self,
        caller: Caller,
        may: May,
        notebook: &NotebookId,
        say: Say,
        wire: Arc<dyn Wire>,
    ) -> Result<Box<dyn Seat>> {
        let Say::Join {
            client,
            revision,
            runs,
        } = say
        else {
            return Err(Error::invalid(
                "say",
                "room.malformed",
                "the first thing to say in a room is `join`",
            ));
        };
        let user = caller.user().ok_or(Error::SignInNeeded)?;
        if !may.view {
            return Err(Error::not_found(Noun::Notebook));
        }
        let name = if user.name.is_empty() {
            &user.username
        } else {
            &user.name
        };
        let person = Arc::new(Person {
            id: user.id.clone(),
            name: name.clone(),
        });
        self.0.keep_pace(&user.id)?;
        for _ in 0..TRIES {
            let (reply, answer) = oneshot::channel();
            let join = Join {
                person: person.clone(),
                may,
                most: caller.scopes().map_or(May::EVERYTHING, Scopes::most),
                check_rights: false,
                client: client.clone(),
                revision,
                runs,
                wire: wire.clone(),
                reply,
            };
            match self.0.hand_in(notebook, join)? {
                Ok(()) => match answer.await {
                    Ok(chair) => return chair.map(|chair| chair as Box<dyn Seat>),
                    // The room ended before the join was its turn.
                    Err(_) => continue,
                },
                Err(ending) => ending.closed().await,
            }
        }
        Err(unavailable())
    }

    async fn snapshot(&self, notebook: &NotebookId) -> Option<Snapshot> {
        let (reply, answer) = oneshot::channel();
        let room = {
            let register = self.0.register();
            let door = register.doors.get(notebook)?;
            if !door.closing && door.room.send(Message::Snapshot(reply)).is_ok() {
                None
            } else {
                Some(door.room.clone())
            }
        };
        match room {
            None => answer.await.ok(),
            // What it still had is in the ledger once it has ended.
            Some(ending) => {
                ending.closed().await;
                None
            }
        }
    }

    fn open(&self) -> Vec<NotebookId> {
        self.0.register().doors.keys().cloned().collect()
    }

    async fn present(&self, notebook: &NotebookId) -> Vec<Present> {
        let (reply, answer) = oneshot::channel();
        match self.0.register().doors.get(notebook) {
            Some(door) => drop(door.room.send(Message::Present(reply))),
            None => return Vec::new(),
        }
        // A room that has ended meanwhile answers nothing: nobody is in it.
        answer.await.unwrap_or_default()
    }

    fn kernels(&self) -> Vec<Kernel> {
        self.0.runner.kernels()
    }

    async fn rights_changed(&self, user: &UserId) {
        let mut register = self.0.register();
        register.rights_changed = Some(Instant::now());
        let user = Arc::new(user.clone());
        for door in register.doors.values() {
            let _ = door.room.send(Message::Rights(user.clone()));
        }
    }

    async fn renamed(&self, notebook: &NotebookId, title: &str) {
        if let Some(door) = self.0.register().doors.get(notebook) {
            let _ = door.room.send(Message::Renamed(title.into()));
        }
    }

    async fn close(&self) {
        let rooms: Vec<_> = {
            let mut register = self.0.register();
            register.shut = true;
            register
                .doors
                .values()
                .map(|door| door.room.clone())
                .collect()
        };
        for room in &rooms {
            let _ = room.send(Message::Close);
        }
        let all = async {
            for room in &rooms {
                room.closed().await;
            }
        };
        if tokio::time::timeout(self.0.config.drain + Duration::from_secs(1), all)
            .await
            .is_err()
        {
            tracing::warn!(
                "rooms did not finish in time; what was not acknowledged is still in the browsers"
            );
        }
    }
}

impl House {
    /// The room leaves the register; from then on it takes no more joins. `false` when something came in meanwhile.
    pub(crate) fn retire(
        &self,
        notebook: &NotebookId,
        inbox: Option<&mpsc::UnboundedReceiver<Message>>,
    ) -> bool {
        let mut register = self.register();
        if inbox.is_some_and(|inbox| !inbox.is_empty()) {
            return false;
        }
        if let Some(door) = register.doors.get_mut(notebook) {
            door.closing = true;
        }
        true
    }

    pub(crate) fn remove(&self, notebook: &NotebookId, room: &mpsc::UnboundedSender<Message>) {
        let mut register = self.register();
        if register
            .doors
            .get(notebook)
            .is_some_and(|door| door.room.same_channel(room))
        {
            register.doors.remove(notebook);
        }
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a join to the room, opening it if need be; or returns the room that has to end first.
    fn hand_in(
        self: &Arc<Self>,
        notebook: &NotebookId,
        mut join: Join,
    ) -> Result<Result<(), mpsc::UnboundedSender<Message>>> {
        let mut register = self.register();
        if register.shut {
            return Err(unavailable());
        }
        // The door read the rights before it called; a change may have come in between.
        join.check_rights = register
            .rights_changed
            .is_some_and(|at| at.elapsed() < RIGHTS_AGE);
        if let Some(door) = register.doors.get(notebook)
            && !door.room.is_closed()
        {
            if door.closing {
                return Ok(Err(door.room.clone()));
            }
            let _ = door.room.send(Message::Join(Box::new(join)));
            return Ok(Ok(()));
        }
        let (room, inbox) = mpsc::unbounded_channel();
        let _ = room.send(Message::Join(Box::new(join)));
        register.doors.insert(
            notebook.clone(),
            Door {
                room: room.clone(),
                closing: false,
            },
        );
        tokio::spawn(room::live(self.clone(), notebook.clone(), room, inbox));
        Ok(Ok(()))
    }

    fn keep_pace(&self, user: &UserId) -> Result<()> {
        let now = Instant::now();
        let mut register = self.register();
        if register.paces.len() >= PACES {
            register.paces.retain(|_, pace| !pace.is_rested(now));
        }
        let (burst, per_second) = self.config.joins;
        let pace = register
            .paces
            .entry(user.clone())
            .or_insert_with(|| Pace::new(now, per_second, burst));
        let wait = pace.wait(now);
        if !wait.is_zero() {
            return Err(Error::TooMany {
                retry_after: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1),
            });
        }
        pace.count(now);
        Ok(())
    }
}

fn unavailable() -> Error {
    Error::unavailable(
        "room.closing",
        "the notebook is closing; try again in a moment",
    )
}
