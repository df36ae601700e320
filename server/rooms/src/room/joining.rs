//! Joining: a document and the subscription to what follows it, in one step, at a moment when all of it is durable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use datalayer::{Error, Result};
use notebook::runs::RunEvent;
use notebook::{ClientId, Refused, Snapshot};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::saving::now;
use super::seats::Line;
use super::{Join, Message, RECENT, Room, SLOW, Seated, opening};
use crate::chair::{Chair, Haste};
use crate::frames::{self, At, RunsSince, State};
use crate::pace::Pace;

/// While saving fails, the ledger is asked for what it has at most this often.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Somebody who waits for a durable moment.
pub(super) enum Waiting {
    Join {
        join: Box<Join>,
        /// Run events since the ones the tab has; `None`: it gets the runs as they are.
        events: Option<Vec<RunEvent>>,
        catching: bool,
    },
    Snapshot(oneshot::Sender<Snapshot>),
    /// A batch was refused and its tab reads the document again.
    Resync {
        seat: u32,
        sequence: u64,
        why: Refused,
    },
}

/// What the ledger has while the room has more that cannot be saved: reading goes on from it.
pub(crate) struct Durable {
    snapshot: Snapshot,
    received: HashMap<ClientId, u64>,
}

/// Reading the ledger beside the room.
#[derive(Default)]
pub(super) struct Reading {
    under_way: bool,
    again_at: Option<Instant>,
}

/// Serialised once for all who are served in one turn.
#[derive(Default)]
struct Drawn {
    document: Option<Box<RawValue>>,
    runs: Option<Box<RawValue>>,
}

impl Room {
    pub(super) fn asked_in(&mut self, join: Join) {
        match join.runs {
            Some(sequence) if sequence < self.runs.sequence => {
                self.catching += 1;
                let (runner, notebook, room) = (
                    self.house.runner.clone(),
                    self.notebook.clone(),
                    self.room.clone(),
                );
                tokio::spawn(async move {
                    let events = runner.since(&notebook, sequence).await.unwrap_or_default();
                    let _ = room.send(Message::Caught(Box::new((join, events))));
                });
            }
            Some(sequence) if sequence == self.runs.sequence => {
                // Nothing is missing so far; what comes before it is seated is recorded.
                self.catching += 1;
                self.waiting.push(Waiting::Join {
                    join: Box::new(join),
                    events: Some(Vec::new()),
                    catching: true,
                });
            }
            _ => self.waiting.push(Waiting::Join {
                join: Box::new(join),
                events: None,
                catching: false,
            }),
        }
    }

    /// Serves everyone who waits, from the room or, while it cannot save, from what the ledger has.
    pub(super) fn serve(&mut self, read: Option<&Durable>) {
        if self.waiting.is_empty() {
            return;
        }
        let mut drawn = Drawn::default();
        for waiting in std::mem::take(&mut self.waiting) {
            match waiting {
                Waiting::Join {
                    join,
                    events,
                    catching,
                } => {
                    let Join { reply, .. } = &*join;
                    if reply.is_closed() {
                        // Whoever asked has gone.
                    } else if let Err(error) = self.may_sit(&join) {
                        let _ = join.reply.send(Err(error));
                    } else {
                        self.sit_down(*join, events, read, &mut drawn);
                    }
                    self.catching -= usize::from(catching);
                }
                Waiting::Snapshot(reply) => {
                    let _ =
                        reply.send(read.map_or_else(
                            || self.sequencer.snapshot(),
                            |read| read.snapshot.clone(),
                        ));
                }
                Waiting::Resync {
                    seat,
                    sequence,
                    why,
                } => {
                    if let Some(at) = self.position(seat) {
                        let resync = At {
                            revision: self.saving.durable,
                            document: self.draw(read, &mut drawn.document),
                        };
                        let frame = frames::refused(&self.notebook, sequence, &why, Some(resync));
                        self.send(at, frame);
                    }
                }
            }
        }
        if self.catching == 0 {
            self.recent = Vec::new();
        }
    }

    fn may_sit(&self, join: &Join) -> Result<()> {
        let seats = self.house.config.seats;
        if self.seats.len() >= seats {
            return Err(Error::unavailable(
                "room.full",
                format!("room is full: {seats} tabs are in it; try again later"),
            ));
        }
        let user = &join.person.id;
        let wrote = self
            .owners
            .get(&join.client)
            .is_some_and(|owner| *owner.user != *user);
        if wrote
            || self
                .seats
                .iter()
                .any(|seat| seat.client == join.client && seat.person.id != *user)
        {
            return Err(Error::forbidden(
                "room.foreign_client",
                "this client id belongs to somebody else; reload the page",
            ));
        }
        Ok(())
    }

    fn sit_down(
        &mut self,
        join: Join,
        events: Option<Vec<RunEvent>>,
        read: Option<&Durable>,
        drawn: &mut Drawn,
    ) {
        let Join {
            person,
            may,
            most,
            check_rights,
            client,
            revision,
            runs,
            wire,
            reply,
        } = join;
        self.last_seat += 1;
        let seat = self.last_seat;
        let color = self.free_color(&person.id);
        self.people.changed();
        self.empty_since = None;
        self.seats.push(Seated {
            id: seat,
            person: person.clone(),
            client: client.clone(),
            may,
            most,
            color,
            line: Line::new(wire.clone()),
            place: None,
            moved: false,
            moved_at: None,
            people_seen: self.people.version(),
            rights_asked: 0,
            gone: None,
        });
        let since = revision
            .filter(|_| read.is_none())
            .and_then(|revision| self.sequencer.since(revision));
        let received = match read {
            None => self.sequencer.received(&client),
            Some(read) => read.received.get(&client).copied().unwrap_or(0),
        };
        let events = events.and_then(|events| self.caught_up(runs.unwrap_or(0), events));
        let mut people = self.present();
        if read.is_some() {
            // Places count in a text that is ahead of the durable one.
            for place in people.iter_mut().filter_map(|person| person.place.as_mut()) {
                place.selection = None;
            }
        }
        let joined = frames::Joined {
            notebook: self.notebook.as_str(),
            hear: "joined",
            seat,
            title: &self.title,
            may,
            state: match since {
                Some(since) => State::Since(since),
                None => State::Snapshot(At {
                    revision: self.saving.durable,
                    document: self.draw(read, &mut drawn.document),
                }),
            },
            received,
            runs: match &events {
                Some(events) => RunsSince::Since(events),
                None => {
                    RunsSince::Snapshot(drawn.runs.get_or_insert_with(|| frames::runs(&self.runs)))
                }
            },
            people: &people,
            kernel: &self.view,
            now: now().0,
        };
        let frame = joined.frame();
        let sent = wire.send(frame) && (!self.saving.is_failing() || wire.send(self.not_saving()));
        if !sent && let Some(seated) = self.seats.last_mut() {
            seated.gone = Some(SLOW);
        }
        let config = &self.house.config;
        let pace = Pace::new(
            Instant::now(),
            config.batches_per_second,
            config.batches_per_second.saturating_mul(2),
        );
        let chair = Chair {
            seat,
            notebook: self.notebook.clone(),
            room: self.room.clone(),
            gate: self.gate.clone(),
            inbox: config.inbox,
            wire,
            haste: Mutex::new(Haste { pace, told: false }),
        };
        // Where nobody takes the chair, it is dropped and with that leaves the room.
        let _ = reply.send(Ok(Box::new(chair)));
        if check_rights {
            self.read_rights(&Arc::new(person.id.clone()));
        }
    }

    /// The events after `sequence` up to now: those that were read, then those that happened meanwhile.
    fn caught_up(&self, sequence: u64, mut events: Vec<RunEvent>) -> Option<Vec<RunEvent>> {
        if self.recent.len() > RECENT {
            return None;
        }
        let last = events.last().map_or(sequence, |event| event.sequence);
        events.extend(
            self.recent
                .iter()
                .filter(|event| event.sequence > last)
                .cloned(),
        );
        let last = events.last().map_or(sequence, |event| event.sequence);
        // The reader may be ahead of what the room has heard; never behind.
        (last >= self.runs.sequence).then_some(events)
    }

    fn draw<'a>(
        &self,
        read: Option<&Durable>,
        drawn: &'a mut Option<Box<RawValue>>,
    ) -> &'a RawValue {
        drawn.get_or_insert_with(|| {
            frames::document(
                read.map_or_else(|| self.sequencer.document(), |read| &read.snapshot.document),
            )
        })
    }

    /// While saving fails: asks the ledger for what it has, if somebody waits.
    pub(super) fn read_durable(&mut self, now: Instant) {
        if self.waiting.is_empty()
            || self.reading.under_way
            || self.reading.again_at.is_some_and(|at| now < at)
        {
            return;
        }
        self.reading.under_way = true;
        let (ledger, notebook, room) = (
            self.house.ledger.clone(),
            self.notebook.clone(),
            self.room.clone(),
        );
        tokio::spawn(async move {
            let durable = async {
                let opened = ledger.open(&notebook).await?;
                let mut received: HashMap<ClientId, u64> = opened
                    .received
                    .into_iter()
                    .map(|(client, sequence, _)| (client, sequence))
                    .collect();
                for entry in &opened.log {
                    let known = received.entry(entry.batch.client.clone()).or_default();
                    *known = entry.batch.sequence.max(*known);
                }
                let snapshot = opening::replay(&notebook, opened.snapshot, opened.log)
                    .await?
                    .snapshot();
                Ok(Durable { snapshot, received })
            };
            let _ = room.send(Message::Durable(Box::new(durable.await)));
        });
    }

    pub(super) fn durable_due(&self) -> Option<Instant> {
        self.reading.again_at.filter(|_| {
            self.saving.is_failing() && !self.waiting.is_empty() && !self.reading.under_way
        })
    }

    pub(super) fn durable_read(&mut self, durable: Result<Durable>) {
        self.reading = Reading {
            under_way: false,
            again_at: Some(Instant::now() + READ_AGAIN),
        };
        if !self.saving.is_failing() {
            // Everything is durable again, or will be in a moment.
            return;
        }
        match durable {
            Ok(durable) if durable.snapshot.revision == self.saving.durable => {
                self.serve(Some(&durable))
            }
            // What was thought unsaved is in the log after all: the next try shows it.
            Ok(_) => {}
            Err(error) => {
                let (joins, others) = std::mem::take(&mut self.waiting)
                    .into_iter()
                    .partition(|waiting| matches!(waiting, Waiting::Join { .. }));
                self.waiting = others;
                let joins: Vec<Waiting> = joins;
                for waiting in joins {
                    if let Waiting::Join { join, catching, .. } = waiting {
                        self.catching -= usize::from(catching);
                        let _ = join.reply.send(Err(error.clone()));
                    }
                }
            }
        }
    }
}
