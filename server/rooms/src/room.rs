//! One room: the task that owns an open notebook, its sequencer and its seats.
//!
//! Each turn takes what has arrived, then settles: starts the next append, serves those who wait for a durable moment,
//! and flushes presence. Nothing here waits for anything but its inbox, its append and its clock.

mod joining;
mod opening;
mod presence;
mod running;
mod saving;
mod seats;
mod snapshots;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use datalayer::{Error, NotebookId, Result, RuntimeNews, UserId, Wire};
use notebook::presence::Present;
use notebook::runs::{RunEvent, Runs};
use notebook::wire::{Hear, KernelState, KernelView, May, Say};
use notebook::{ClientId, Sequencer, Snapshot};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::chair::Chair;
use crate::frames;
use crate::house::House;

use joining::{Durable, Waiting};
use running::Job;
use saving::Saving;
use seats::Seated;
use snapshots::Kept;

/// What a wire is closed with when its tab does not keep up.
pub(crate) const SLOW: (u16, &str) = (1013, "too slow; reconnect");
/// Messages taken before the room settles once.
const TURN: usize = 256;
/// Run events recorded for those who are catching up; who misses more gets the runs as they are.
const RECENT: usize = 4_096;

/// What reaches a room. Small, because an inbox reserves 32 of them.
pub(crate) enum Message {
    Join(Box<Join>),
    /// Costs `units` of the inbox until it is dealt with, a batch until it is durable.
    Said {
        seat: u32,
        units: u32,
        say: Box<Say>,
    },
    Left(u32),
    Snapshot(oneshot::Sender<Snapshot>),
    Present(oneshot::Sender<Vec<Present>>),
    /// Somebody's rights changed.
    Rights(Arc<UserId>),
    RightsRead(Box<RightsRead>),
    /// The notebook has another name.
    Renamed(Box<str>),
    News(Box<RuntimeNews>),
    /// The run events that a join asked for; `None`: too many.
    Caught(Box<(Join, Option<Vec<RunEvent>>)>),
    Durable(Box<Result<Durable>>),
    Kept(Kept),
    /// A queued request to the runtime is done.
    Ran,
    Chosen(Box<(String, KernelView)>),
    Close,
}

/// Somebody, as a room needs them.
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) name: String,
}

pub(crate) struct Join {
    pub(crate) person: Arc<Person>,
    pub(crate) may: May,
    /// The most they may have here: a token's scopes.
    pub(crate) most: May,
    /// Look the rights up once more when seated.
    pub(crate) check_rights: bool,
    pub(crate) client: ClientId,
    pub(crate) revision: Option<u64>,
    pub(crate) runs: Option<u64>,
    pub(crate) wire: Arc<dyn Wire>,
    pub(crate) reply: oneshot::Sender<Result<Box<Chair>>>,
}

pub(crate) struct RightsRead {
    user: Arc<UserId>,
    /// Which question this answers; an older answer than the last question is worth nothing.
    asked: u32,
    may: Result<May>,
}

/// Whose a client id is, and where its last batch went.
struct Owner {
    user: Arc<UserId>,
    revision: u64,
}

/// Why a room ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Idle,
    Studio,
    NotOwner,
    NotSaved,
    Gone,
    Diverged,
}

struct Room {
    house: Arc<House>,
    notebook: NotebookId,
    /// To itself, for what its errands bring back.
    room: mpsc::UnboundedSender<Message>,
    gate: Arc<Semaphore>,
    title: String,
    /// Kernelspec chosen for the notebook; empty for the default.
    kernel: String,
    view: KernelView,
    sequencer: Sequencer,
    saving: Saving,
    runs: Runs,
    owners: HashMap<ClientId, Owner>,
    seats: Vec<Seated>,
    last_seat: u32,
    /// Who waits for a moment at which all that is sequenced is durable.
    waiting: Vec<Waiting>,
    reading: joining::Reading,
    /// Run events since the first of those catching up asked.
    recent: Vec<RunEvent>,
    catching: usize,
    rights_asked: u32,
    people: presence::People,
    jobs: VecDeque<Job>,
    job_runs: bool,
    /// Counted by its clones: questions to the kernel that are not answered yet.
    asking: Arc<()>,
    /// Counted likewise: errands to the runtime that have not returned.
    errands: Arc<()>,
    keeping: snapshots::Keeping,
    empty_since: Option<Instant>,
    closing_since: Option<Instant>,
    ending: Option<End>,
}

/// A room's whole life: opens the notebook, seats people until there is no more need, and ends.
pub(crate) async fn live(
    house: Arc<House>,
    notebook: NotebookId,
    room: mpsc::UnboundedSender<Message>,
    mut inbox: mpsc::UnboundedReceiver<Message>,
) {
    match Box::pin(Room::open(house.clone(), notebook.clone(), room.clone())).await {
        Ok(opened) => opened.run(inbox).await,
        Err(error) => {
            tracing::warn!(notebook.id = %notebook, %error, "a room could not be opened");
            house.retire(&notebook, None);
            while let Ok(message) = inbox.try_recv() {
                if let Message::Join(join) = message {
                    let _ = join.reply.send(Err(error.clone()));
                }
            }
            house.remove(&notebook, &room);
        }
    }
}

impl Room {
    async fn run(mut self: Box<Self>, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let end = loop {
            // First of all: a room that opens with a snapshot overdue has something to do before anyone speaks.
            self.settle(&inbox);
            if let Some(end) = self.ending {
                break end;
            }
            let due = self.due();
            let listening = !self.is_holding();
            tokio::select! {
                biased;
                outcome = self.saving.outcome() => self.appended(outcome),
                Some(message) = inbox.recv(), if listening => {
                    self.take(message);
                    for _ in 1..TURN {
                        if self.is_holding() {
                            break;
                        }
                        let Ok(message) = inbox.try_recv() else { break };
                        self.take(message);
                    }
                }
                () = sleep_until(due) => {}
            }
        };
        Box::pin(self.end(end)).await;
        drop(inbox);
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Join(join) => self.asked_in(*join),
            Message::Said { seat, units, say } => self.said(seat, units, *say),
            Message::Left(seat) => self.stand_up(seat),
            Message::Snapshot(reply) => self.waiting.push(Waiting::Snapshot(reply)),
            // Whoever asked may have gone meanwhile.
            Message::Present(reply) => drop(reply.send(self.present())),
            Message::Rights(user) => self.read_rights(&user),
            Message::RightsRead(read) => self.rights_read(*read),
            Message::Renamed(title) => {
                self.title = title.into();
                let renamed = Hear::Renamed {
                    title: self.title.clone(),
                };
                self.broadcast(&frames::frame(&self.notebook, &renamed), None);
            }
            Message::News(news) => self.news(*news),
            Message::Caught(caught) => {
                let (join, events) = *caught;
                self.waiting.push(Waiting::Join {
                    join: Box::new(join),
                    events,
                    catching: true,
                });
            }
            Message::Durable(durable) => self.durable_read(*durable),
            Message::Kept(kept) => self.kept(kept),
            Message::Ran => {
                self.job_runs = false;
                self.next_job();
            }
            Message::Chosen(chosen) => {
                let (kernel, view) = *chosen;
                self.kernel = kernel;
                self.news(RuntimeNews::Kernel(view));
            }
            Message::Close => self.closing_since = Some(Instant::now()),
        }
    }

    /// A tab spoke. What it submits is ordered before anything it says afterwards.
    fn said(&mut self, seat: u32, units: u32, say: Say) {
        let taken = match self.position(seat) {
            // It was shown out while this was under way, and knows.
            None => false,
            Some(at) => match say {
                Say::Submit {
                    client,
                    sequence,
                    base,
                    operations,
                } => self.submit(
                    at,
                    units,
                    notebook::Submission {
                        client,
                        sequence,
                        base,
                        operations,
                    },
                ),
                Say::Presence { place, revision } => {
                    self.place(at, place, revision);
                    false
                }
                errand => {
                    self.errand(at, errand);
                    false
                }
            },
        };
        if !taken {
            self.gate.add_permits(units as usize);
        }
    }

    fn news(&mut self, news: RuntimeNews) {
        match news {
            RuntimeNews::Run(event) => {
                self.runs.apply(&event);
                self.broadcast(&frames::run(&self.notebook, &event), None);
                if self.catching > 0 && self.recent.len() <= RECENT {
                    self.recent.push(event);
                }
            }
            RuntimeNews::Kernel(view) => {
                self.view = view.clone();
                self.broadcast(
                    &frames::frame(&self.notebook, &Hear::Kernel { kernel: view }),
                    None,
                );
            }
        }
    }

    /// Everything that follows from what was taken.
    fn settle(&mut self, inbox: &mpsc::UnboundedReceiver<Message>) {
        if self.ending.is_some() {
            return;
        }
        let now = Instant::now();
        self.append_next(now);
        if self.saving.is_clear() {
            if self.closing_since.is_some() {
                self.end_with(End::Studio);
                return;
            }
            self.serve(None);
            self.keep_snapshot();
        } else if self.saving.is_failing() {
            self.read_durable(now);
        }
        if self
            .closing_since
            .is_some_and(|since| now >= since + self.house.config.drain)
        {
            self.end_with(End::Studio);
        }
        self.flush_presence(now);
        self.sweep(now);
        self.flush();
        if self.is_idle(now) && self.house.retire(&self.notebook, Some(inbox)) {
            self.end_with(End::Idle);
        }
    }

    fn end_with(&mut self, end: End) {
        self.ending.get_or_insert(end);
    }

    /// Must the inbox wait? Only for as long as the appends in hand take.
    fn is_holding(&self) -> bool {
        self.closing_since.is_some()
            || (!self.saving.is_failing() && (!self.waiting.is_empty() || self.snapshot_is_due()))
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.empty_since
            .is_some_and(|since| now >= since + self.house.config.idle)
            && self.is_quiet()
    }

    /// Nobody here, nothing in hand, and the runtime rests.
    fn is_quiet(&self) -> bool {
        self.seats.is_empty()
            && self.waiting.is_empty()
            && self.catching == 0
            && self.saving.is_clear()
            && !self.keeping.under_way
            && !self.job_runs
            && self.view.queued == 0
            && matches!(
                self.view.state,
                KernelState::Off | KernelState::Idle | KernelState::Dead { .. }
            )
    }

    /// When the clock has to wake this room.
    fn due(&self) -> Option<Instant> {
        let idle = self
            .empty_since
            .filter(|_| self.is_quiet())
            .map(|since| since + self.house.config.idle);
        let closing = self
            .closing_since
            .map(|since| since + self.house.config.drain);
        [
            idle,
            closing,
            self.saving.due(),
            self.presence_due(),
            self.durable_due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    async fn end(mut self: Box<Self>, end: End) {
        self.house.retire(&self.notebook, None);
        let closed = |code, message: &str, again| Hear::Closed {
            code,
            message: message.to_owned(),
            again,
        };
        let farewell = match end {
            End::Idle => None,
            End::Studio => {
                for seat in &self.seats {
                    seat.line
                        .close(1012, "the studio is restarting; reconnect in a moment");
                }
                None
            }
            End::NotOwner => Some(closed(
                4409,
                "the notebook is written elsewhere; it is being opened again",
                true,
            )),
            End::NotSaved => Some(closed(
                4503,
                "changes could not be saved for a while; those without a tick are still in this tab and are sent again",
                true,
            )),
            End::Gone => Some(closed(4404, "the notebook is no longer there", false)),
            End::Diverged => Some(closed(
                4500,
                "the notebook is being opened again from its log",
                true,
            )),
        };
        if let Some(farewell) = farewell {
            tracing::warn!(notebook.id = %self.notebook, end = ?end, "a room closed early");
            self.broadcast(&frames::frame(&self.notebook, &farewell), None);
        }
        self.seats.clear();
        self.waiting.clear();
        self.gate.close();
        if matches!(end, End::Idle | End::Studio)
            && self.saving.is_clear()
            && self.saving.durable > self.keeping.kept
        {
            let keep = snapshots::keep(
                self.house.ledger.clone(),
                self.notebook.clone(),
                self.sequencer.snapshot(),
            );
            if tokio::time::timeout(self.house.config.drain, keep)
                .await
                .is_err()
            {
                tracing::info!(notebook.id = %self.notebook, "no time for a snapshot; the log has everything");
            }
        }
        self.house.runner.deafen(&self.notebook).await;
    }
}

/// Also on the way out of a panic: nobody is left in a room that is no more.
impl Drop for Room {
    fn drop(&mut self) {
        self.gate.close();
        self.house.remove(&self.notebook, &self.room);
        if !self.seats.is_empty() {
            let message = "the notebook is being opened again".to_owned();
            let farewell = Hear::Closed {
                code: 4500,
                message,
                again: true,
            };
            self.broadcast(&frames::frame(&self.notebook, &farewell), None);
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn broken(notebook: &NotebookId, what: &str, cause: impl std::fmt::Display) -> Error {
    let incident = format!("room-{notebook}");
    tracing::error!(notebook.id = %notebook, incident = %incident, cause = %cause, "{what}");
    Error::Broken { incident }
}
