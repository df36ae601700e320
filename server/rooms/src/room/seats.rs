//! Seats: the tabs of a room, what each may do, and the way to them.

use std::sync::Arc;

use bytes::Bytes;
use datalayer::{UserId, Wire};
use notebook::ClientId;
use notebook::presence::Place;
use notebook::wire::{Hear, May};
use tokio::time::Instant;

use super::{Message, Person, RightsRead, Room, SLOW};
use crate::frames;

pub(super) struct Seated {
    pub(super) id: u32,
    pub(super) person: Arc<Person>,
    pub(super) client: ClientId,
    pub(super) may: May,
    /// What is looked up again never reaches beyond this: a token's scopes.
    pub(super) most: May,
    pub(super) color: u8,
    pub(super) line: Line,
    pub(super) place: Option<Place>,
    /// Its place has changed since others were told.
    pub(super) moved: bool,
    pub(super) moved_at: Option<Instant>,
    /// Which list of people it has.
    pub(super) people_seen: u32,
    /// The last time its rights were looked up.
    pub(super) rights_asked: u32,
    /// It leaves at the end of this turn, its socket closed with this.
    pub(super) gone: Option<(u16, &'static str)>,
}

/// Tabs that a room writes to itself; where there are more, others help, so that it soon hears again.
const AT_ONCE: usize = 128;

/// The way to a seat's tab. What a turn has to say goes out at its end, together.
pub(super) struct Line {
    wire: Arc<dyn Wire>,
    waits: bool,
}

impl Line {
    pub(super) fn new(wire: Arc<dyn Wire>) -> Self {
        Self { wire, waits: false }
    }

    fn queue(&mut self, frame: Bytes) -> bool {
        self.waits = true;
        self.wire.queue(frame)
    }

    pub(super) fn close(&self, code: u16, reason: &str) {
        self.wire.close(code, reason);
    }

    /// For what is said outside of turns.
    pub(super) fn wire(&self) -> Arc<dyn Wire> {
        Arc::clone(&self.wire)
    }

    /// The wire, if it has something to write that nobody else writes now.
    fn take(&mut self) -> Option<&Arc<dyn Wire>> {
        std::mem::take(&mut self.waits).then_some(&self.wire)
    }
}

/// Whoever leaves hears what was said to them before.
impl Drop for Line {
    fn drop(&mut self) {
        if let Some(wire) = self.take() {
            wire.flush();
        }
    }
}

impl Room {
    /// Where a seat stands, unless it is leaving.
    pub(super) fn position(&self, seat: u32) -> Option<usize> {
        // Numbers only grow, so the list is sorted.
        let at = self
            .seats
            .binary_search_by_key(&seat, |seated| seated.id)
            .ok()?;
        self.seats[at].gone.is_none().then_some(at)
    }

    pub(super) fn send(&mut self, at: usize, frame: Bytes) {
        let seat = &mut self.seats[at];
        if seat.gone.is_none() && !seat.line.queue(frame) {
            seat.gone = Some(SLOW);
        }
    }

    /// One frame to everyone but one. Who does not keep up leaves; the others never notice.
    pub(super) fn broadcast(&mut self, frame: &Bytes, except: Option<u32>) {
        for seat in &mut self.seats {
            if Some(seat.id) != except && seat.gone.is_none() && !seat.line.queue(frame.clone()) {
                seat.gone = Some(SLOW);
            }
        }
    }

    /// Everyone gets what this turn had to say to them.
    pub(super) fn flush(&mut self) {
        let mut waiting = self.seats.iter_mut().filter_map(|seat| seat.line.take());
        let mine: Vec<_> = waiting.by_ref().take(AT_ONCE).collect();
        let others: Vec<_> = waiting.cloned().collect();
        for some in others.chunks(AT_ONCE).map(<[_]>::to_vec) {
            tokio::spawn(async move { some.iter().for_each(|wire| wire.flush()) });
        }
        mine.iter().for_each(|wire| wire.flush());
    }

    pub(super) fn stand_up(&mut self, seat: u32) {
        if let Ok(at) = self.seats.binary_search_by_key(&seat, |seated| seated.id) {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) {
        self.seats.remove(at);
        self.people.changed();
        if self.seats.is_empty() {
            self.seats.shrink_to_fit();
            self.empty_since = Some(Instant::now());
        }
    }

    /// Sees those out who are leaving, and tells the others who is here.
    pub(super) fn sweep(&mut self, now: Instant) {
        // Telling the others can show that one more does not keep up.
        loop {
            let mut left = false;
            while let Some(at) = self.seats.iter().position(|seat| seat.gone.is_some()) {
                if let Some((code, reason)) = self.seats[at].gone {
                    self.seats[at].line.close(code, reason);
                }
                self.remove(at);
                left = true;
            }
            self.flush_people(now);
            if !left && self.seats.iter().all(|seat| seat.gone.is_none()) {
                return;
            }
        }
    }

    /// Asks the ledger what a person may do now.
    pub(super) fn read_rights(&mut self, user: &Arc<UserId>) {
        self.rights_asked += 1;
        let asked = self.rights_asked;
        let mut here = false;
        for seat in self
            .seats
            .iter_mut()
            .filter(|seat| seat.person.id == **user)
        {
            seat.rights_asked = asked;
            here = true;
        }
        if here {
            let (ledger, notebook, user) = (
                self.house.ledger.clone(),
                self.notebook.clone(),
                user.clone(),
            );
            let room = self.room.clone();
            tokio::spawn(async move {
                let may = ledger.rights(&notebook, &user).await;
                let _ = room.send(Message::RightsRead(Box::new(RightsRead {
                    user,
                    asked,
                    may,
                })));
            });
        }
    }

    pub(super) fn rights_read(&mut self, read: RightsRead) {
        let RightsRead { user, asked, may } = read;
        let (may, farewell) = match may {
            Ok(may) if may.view => (may, None),
            Ok(_) => (
                May::default(),
                Some((4403, "you may no longer see this notebook", false)),
            ),
            Err(error) => {
                // Who may stay is not known: nobody stays on a guess.
                tracing::warn!(notebook.id = %self.notebook, user.id = %user, %error, "rights could not be read");
                (
                    May::default(),
                    Some((
                        4503,
                        "your rights could not be read; joining again in a moment can help",
                        true,
                    )),
                )
            }
        };
        for at in (0..self.seats.len()).rev() {
            let seat = &self.seats[at];
            if seat.person.id != *user || seat.rights_asked != asked {
                continue;
            }
            if let Some((code, message, again)) = farewell {
                let closed = Hear::Closed {
                    code,
                    message: message.to_owned(),
                    again,
                };
                self.send(at, frames::frame(&self.notebook, &closed));
                if self.seats[at].gone.is_none() {
                    self.remove(at);
                }
                continue;
            }
            let may = may.and(seat.most);
            if seat.may != may {
                self.seats[at].may = may;
                self.send(at, frames::frame(&self.notebook, &Hear::May { may }));
            }
        }
    }
}
