//! Saving: batches in order, durable in groups, and only then acknowledged and told to others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use datalayer::{Error, LogEntry, Result, Timestamp};
use notebook::wire::Hear;
use notebook::{Refused, Rights, Submission};
use tokio::time::Instant;

use super::joining::Waiting;
use super::{End, Owner, Room};
use crate::frames;

const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// A batch that is in order and not durable.
struct Unsaved {
    entry: LogEntry,
    /// For everyone but its author, serialised while the disk works.
    frame: Bytes,
    seat: u32,
    units: u32,
}

/// A batch that came again before it was durable: acknowledged when it is.
struct Late {
    revision: u64,
    sequence: u64,
    seat: u32,
}

struct Failing {
    since: Instant,
    tries: u32,
    retry_at: Instant,
}

type Append = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

pub(super) struct Saving {
    /// The last revision that is durable.
    pub(super) durable: u64,
    append: Option<Append>,
    in_flight: Vec<Unsaved>,
    pending: Vec<Unsaved>,
    late: Vec<Late>,
    failing: Option<Failing>,
}

impl Saving {
    pub(super) fn at(revision: u64) -> Self {
        Self {
            durable: revision,
            append: None,
            in_flight: Vec::new(),
            pending: Vec::new(),
            late: Vec::new(),
            failing: None,
        }
    }

    /// Is everything that is in order durable?
    pub(super) fn is_clear(&self) -> bool {
        self.append.is_none() && self.in_flight.is_empty() && self.pending.is_empty()
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.failing
            .as_ref()
            .filter(|_| self.append.is_none())
            .map(|failing| failing.retry_at)
    }

    /// Waits for the append in hand; for ever without one.
    pub(super) async fn outcome(&mut self) -> Result<()> {
        match &mut self.append {
            Some(append) => {
                let outcome = append.await;
                self.append = None;
                outcome
            }
            None => std::future::pending().await,
        }
    }
}

impl Room {
    /// Gives a batch its place. `true`: it holds its units of the inbox until it is durable.
    pub(super) fn submit(&mut self, at: usize, units: u32, submission: Submission) -> bool {
        let Some(seat) = self.seats.get(at) else {
            return false;
        };
        let (id, person) = (seat.id, seat.person.clone());
        let (client, sequence) = (submission.client.clone(), submission.sequence);
        if client != seat.client {
            let refused = frames::refused(&self.notebook, sequence, &Refused::ForeignClient, None);
            self.send(at, refused);
            self.seats[at].gone = Some((4403, "room.foreign_client"));
            return false;
        }
        let rights = Rights {
            edit: self.seats[at].may.edit,
        };
        match self.sequencer.submit(submission, rights) {
            Ok(Some(accepted)) => {
                self.presence_moves(id, &accepted.operations);
                let owner = self.owners.entry(client);
                let revision = accepted.revision;
                owner
                    .and_modify(|owner| owner.revision = revision)
                    .or_insert_with(|| Owner {
                        user: Arc::new(person.id.clone()),
                        revision,
                    });
                let entry = LogEntry {
                    batch: accepted,
                    author: person.id.clone(),
                    author_name: person.name.clone(),
                    at: now(),
                };
                let frame = frames::batch(&self.notebook, &entry);
                self.saving.pending.push(Unsaved {
                    entry,
                    frame,
                    seat: id,
                    units,
                });
                true
            }
            Ok(None) => {
                let revision = self
                    .owners
                    .get(&client)
                    .map_or(self.saving.durable, |owner| owner.revision);
                if revision <= self.saving.durable {
                    self.send(at, frames::ack(&self.notebook, sequence, revision));
                } else {
                    self.saving.late.push(Late {
                        revision,
                        sequence,
                        seat: id,
                    });
                }
                false
            }
            Err(
                why @ (Refused::OutOfRange(_)
                | Refused::NoSuchCell(_)
                | Refused::Resync
                | Refused::Gap),
            ) => {
                self.waiting.push(Waiting::Resync {
                    seat: id,
                    sequence,
                    why,
                });
                false
            }
            Err(why) => {
                self.send(at, frames::refused(&self.notebook, sequence, &why, None));
                false
            }
        }
    }

    /// Starts an append of everything pending, unless one is under way or has just failed.
    pub(super) fn append_next(&mut self, now: Instant) {
        if self.saving.append.is_some() || self.saving.is_clear() {
            return;
        }
        if let Some(failing) = &self.saving.failing {
            if now >= failing.since + self.house.config.patience {
                self.end_with(End::NotSaved);
                return;
            }
            if now < failing.retry_at {
                return;
            }
        }
        // A group that failed comes again word for word: the ledger knows it should it be there after all.
        if self.saving.in_flight.is_empty() {
            self.saving.in_flight = std::mem::take(&mut self.saving.pending);
        }
        let entries = self
            .saving
            .in_flight
            .iter()
            .map(|unsaved| unsaved.entry.clone())
            .collect();
        let (ledger, notebook) = (self.house.ledger.clone(), self.notebook.clone());
        self.saving.append = Some(Box::pin(
            async move { ledger.append(&notebook, entries).await },
        ));
    }

    pub(super) fn appended(&mut self, outcome: Result<()>) {
        match outcome {
            Ok(()) => self.saved(),
            Err(Error::Conflict { code, .. }) if code == "room.not_owner" => {
                self.end_with(End::NotOwner)
            }
            Err(Error::NotFound { .. }) => self.end_with(End::Gone),
            Err(error) => self.not_saved(&error),
        }
    }

    fn saved(&mut self) {
        let group = std::mem::take(&mut self.saving.in_flight);
        if self.saving.failing.take().is_some() {
            tracing::info!(notebook.id = %self.notebook, batches = group.len(), "saving works again");
            let frame = frames::sorry(
                &self.notebook,
                "room.saving",
                "saving works again; nothing was lost",
            );
            self.broadcast(&frame, None);
        }
        let mut units = 0;
        for Unsaved {
            entry,
            frame,
            seat,
            units: of_it,
        } in group
        {
            units += of_it as usize;
            let revision = entry.batch.revision;
            self.saving.durable = revision;
            if let Some(at) = self.position(seat) {
                self.send(
                    at,
                    frames::ack(&self.notebook, entry.batch.sequence, revision),
                );
            }
            self.broadcast(&frame, Some(seat));
        }
        self.gate.add_permits(units);
        if !self.saving.late.is_empty() {
            let durable = self.saving.durable;
            let (now, later) = std::mem::take(&mut self.saving.late)
                .into_iter()
                .partition(|late| late.revision <= durable);
            self.saving.late = later;
            let now: Vec<Late> = now;
            for Late {
                revision,
                sequence,
                seat,
            } in now
            {
                if let Some(at) = self.position(seat) {
                    self.send(at, frames::ack(&self.notebook, sequence, revision));
                }
            }
        }
    }

    /// The group stays in hand and is tried again.
    fn not_saved(&mut self, error: &Error) {
        let now = Instant::now();
        let (since, tries) = self
            .saving
            .failing
            .as_ref()
            .map_or((now, 0), |failing| (failing.since, failing.tries));
        let wait = FIRST_RETRY
            .saturating_mul(1 << tries.min(10))
            .min(LONGEST_RETRY);
        self.saving.failing = Some(Failing {
            since,
            tries: tries + 1,
            retry_at: now + wait,
        });
        if tries == 0 {
            tracing::warn!(notebook.id = %self.notebook, %error, "changes cannot be saved; trying again");
            self.broadcast(&self.not_saving(), None);
        }
    }

    pub(super) fn not_saving(&self) -> Bytes {
        let message = "changes cannot be saved right now; keep this tab open, they are tried again"
            .to_owned();
        frames::frame(
            &self.notebook,
            &Hear::Sorry {
                code: "room.not_saving".into(),
                message,
            },
        )
    }
}

pub(super) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
