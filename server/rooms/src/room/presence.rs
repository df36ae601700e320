//! Presence: who is here and where; stamped by the room, moved along by edits, throttled.

use std::time::Duration;

use datalayer::UserId;
use notebook::Operation;
use notebook::limits::DOCUMENT_BYTES;
use notebook::presence::{COLORS, Place, Present, color_of};
use notebook::wire::Hear;
use tokio::time::Instant;

use super::Room;
use crate::frames;

/// Shortest time between two lists of people, and what each person in it adds: the work grows with their square.
const PEOPLE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(2));

#[derive(Default)]
pub(super) struct People {
    /// Counts who came and went.
    version: u32,
    /// The list has changed since everyone was told.
    stale: bool,
    told_at: Option<Instant>,
    /// Seats whose place others do not know yet.
    moved: usize,
}

impl People {
    pub(super) fn changed(&mut self) {
        self.version = self.version.wrapping_add(1);
        self.stale = true;
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }
}

impl Room {
    pub(super) fn present(&self) -> Vec<Present> {
        let present = |seat: &super::Seated| Present {
            seat: seat.id,
            client: seat.client.clone(),
            user: seat.person.id.to_string(),
            name: seat.person.name.clone(),
            color: seat.color,
            place: seat.place.clone(),
        };
        self.seats.iter().map(present).collect()
    }

    /// The colour that the fewest here have: the person's own, where it is one of those.
    pub(super) fn free_color(&self, user: &UserId) -> u8 {
        let worn = |color: &u8| {
            self.seats
                .iter()
                .filter(|seat| seat.color == *color)
                .count()
        };
        let own = color_of(user.as_str());
        std::iter::once(own)
            .chain(1..=COLORS)
            .min_by_key(worn)
            .unwrap_or(own)
    }

    /// Somebody says where they are. The newest place counts, however many come.
    pub(super) fn place(&mut self, at: usize, place: Option<Place>, revision: Option<u64>) {
        let end = u32::try_from(DOCUMENT_BYTES).unwrap_or(u32::MAX);
        let place = place.map(|mut place| {
            if let Some(revision) = revision {
                self.sequencer
                    .carry(&mut place, revision, &self.seats[at].client);
            }
            if let Some(selection) = &mut place.selection {
                selection.anchor = selection.anchor.min(end);
                selection.head = selection.head.min(end);
            }
            place
        });
        let seat = &mut self.seats[at];
        if seat.place != place {
            seat.place = place;
            if !seat.moved {
                seat.moved = true;
                self.people.moved += 1;
            }
        }
    }

    /// Carets go along with the text they stand in. Tabs do the same by themselves, so nobody is told.
    pub(super) fn presence_moves(&mut self, author: u32, operations: &[Operation]) {
        for seat in &mut self.seats {
            if let Some(place) = &mut seat.place {
                place.follow(operations, seat.id == author);
            }
        }
    }

    pub(super) fn presence_due(&self) -> Option<Instant> {
        let moved = self
            .seats
            .iter()
            .filter(|seat| self.people.moved > 0 && seat.moved);
        let interval = self.house.config.presence_interval;
        let moved = moved
            .filter_map(|seat| seat.moved_at.map(|at| at + interval))
            .min();
        let people = self
            .people
            .stale
            .then(|| self.people.told_at.map(|at| at + self.people_interval()))
            .flatten();
        [moved, people].into_iter().flatten().min()
    }

    pub(super) fn flush_presence(&mut self, now: Instant) {
        if self.people.moved == 0 {
            return;
        }
        self.people.moved = 0;
        for at in 0..self.seats.len() {
            let interval = self.house.config.presence_interval;
            let seat = &mut self.seats[at];
            if !seat.moved {
                continue;
            }
            if seat.moved_at.is_some_and(|last| now < last + interval) {
                self.people.moved += 1;
                continue;
            }
            seat.moved = false;
            seat.moved_at = Some(now);
            let id = seat.id;
            let moved = Hear::Moved {
                seat: id,
                place: seat.place.clone(),
                revision: self.sequencer.revision(),
            };
            self.broadcast(&frames::frame(&self.notebook, &moved), Some(id));
        }
    }

    /// Tells who is here to everyone who has an older list.
    pub(super) fn flush_people(&mut self, now: Instant) {
        let early = self
            .people
            .told_at
            .is_some_and(|at| now < at + self.people_interval());
        if !self.people.stale || early {
            return;
        }
        self.people.stale = false;
        self.people.told_at = Some(now);
        let version = self.people.version;
        if self.seats.iter().all(|seat| seat.people_seen == version) {
            return;
        }
        let frame = frames::frame(
            &self.notebook,
            &Hear::People {
                people: self.present(),
                revision: self.sequencer.revision(),
            },
        );
        for at in 0..self.seats.len() {
            if self.seats[at].people_seen != version {
                self.seats[at].people_seen = version;
                self.send(at, frame.clone());
            }
        }
    }

    fn people_interval(&self) -> Duration {
        let (least, each) = PEOPLE;
        least + each * u32::try_from(self.seats.len()).unwrap_or(u32::MAX)
    }
}
