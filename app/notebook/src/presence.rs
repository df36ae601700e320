//! Presence: who is here and where; ephemeral, moved along by later edits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::changes::Changes;
use crate::{CellId, ClientId, Delta, Operation};

/// A caret or selection inside a cell's source, in UTF-16 code units. `anchor == head` is a caret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub cell: CellId,
    /// `None` where the cell is selected in command mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    pub anchor: u32,
    pub head: u32,
}

/// Someone in a room. Everything but the place is stamped by the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// One per connection, given by the room.
    pub seat: u32,
    /// What this connection writes as: its batches carry its own caret along.
    pub client: ClientId,
    pub user: String,
    pub name: String,
    /// 1 to 8, given per room so that neighbours differ: the person's own, where nobody here has it.
    pub color: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// How many colours people have.
pub const COLORS: u8 = 8;

/// The colour a person has everywhere, 1 to 8, unless a neighbour has it already. Stable across machines and releases; avatars take
/// theirs in the same way (`ui::tint`).
pub fn color_of(user: &str) -> u8 {
    // FNV-1a, and a final mix that spreads the last letters over all bits.
    let hash = user.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let mixed = (hash ^ (hash >> 15)).wrapping_mul(0x85eb_ca6b);
    1 + (mixed >> 29) as u8
}

impl Place {
    /// Moves along with a batch. `own`: the batch was typed by whoever stands here, so that the caret stays behind what was typed.
    /// A place in a deleted cell stays: the cell may come back.
    pub fn follow(&mut self, operations: &[Operation], own: bool) {
        for operation in operations {
            if let Operation::EditSource { cell, delta } = operation
                && *cell == self.cell
            {
                self.along(delta, own);
            }
        }
    }

    fn along(&mut self, delta: &Delta, own: bool) {
        if let Some(selection) = &mut self.selection {
            selection.anchor = delta.move_position(selection.anchor, own);
            selection.head = delta.move_position(selection.head, own);
        }
    }

    fn follow_changes(&mut self, changes: &Changes, own: bool) {
        if let Some(change) = changes.cells.get(&self.cell) {
            self.along(&change.delta, own);
        }
    }
}

/// Where everyone stands, as a tab knows it: in the server's text, as the room counts it.
///
/// The room moves places along with each batch it takes and tells only what a tab could not have worked out. So a tab
/// does exactly the same with exactly the same batches, and only for drawing carries the places over what it has not
/// had acknowledged. A place told for a revision that is still on its way waits for it.
#[derive(Debug, Default)]
pub(crate) struct Places {
    at: BTreeMap<u32, (ClientId, Option<Place>)>,
    /// Told for a later revision than we have: seat, place and that revision; the oldest first.
    early: Vec<(u64, u32, Option<Place>)>,
}

impl Places {
    /// Everyone there is, as of `revision`. Who is known keeps the place until this tab is at that revision.
    pub(crate) fn seat(&mut self, people: &[Present], revision: u64, mine: u64) {
        let known = std::mem::take(&mut self.at);
        for person in people {
            let place = known.get(&person.seat).and_then(|(_, place)| place.clone());
            self.at.insert(person.seat, (person.client.clone(), place));
        }
        self.early.retain(|(_, seat, _)| self.at.contains_key(seat));
        for person in people {
            self.put(person.seat, person.place.clone(), revision, mine);
        }
    }

    pub(crate) fn put(&mut self, seat: u32, place: Option<Place>, revision: u64, mine: u64) {
        if revision > mine {
            self.early.push((revision, seat, place));
        } else if let Some((_, at)) = self.at.get_mut(&seat) {
            *at = place;
        }
    }

    /// The server's text has changed, and is at `revision` with that.
    pub(crate) fn follow(&mut self, changes: &Changes, author: &ClientId, revision: u64) {
        for (client, place) in self.at.values_mut() {
            if let Some(place) = place {
                place.follow_changes(changes, client == author);
            }
        }
        let due = self.early.partition_point(|(at, ..)| *at <= revision);
        for (_, seat, place) in self.early.drain(..due) {
            if let Some((_, at)) = self.at.get_mut(&seat) {
                *at = place;
            }
        }
    }

    /// The server's text was replaced: offsets into the old one mean nothing.
    pub(crate) fn lose(&mut self) {
        self.early.clear();
        for (_, place) in self.at.values_mut() {
            if let Some(place) = place {
                place.selection = None;
            }
        }
    }

    /// Each place, carried over the changes that stand on the server's text here.
    pub(crate) fn over<'a>(
        &self,
        unacknowledged: impl Iterator<Item = &'a Changes> + Clone,
    ) -> BTreeMap<u32, Place> {
        let carried = |(seat, (_, place)): (&u32, &(ClientId, Option<Place>))| {
            let mut place = place.clone()?;
            for changes in unacknowledged.clone() {
                place.follow_changes(changes, false);
            }
            Some((*seat, place))
        };
        self.at.iter().filter_map(carried).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Delta;

    #[test]
    fn a_selection_moves_with_what_others_type_before_it() {
        let cell = CellId::from_random(7);
        let mut place = Place {
            cell: cell.clone(),
            selection: Some(Selection { anchor: 2, head: 5 }),
        };
        place.follow(
            &[Operation::EditSource {
                cell: cell.clone(),
                delta: Delta::splice(2, 0, "😀"),
            }],
            false,
        );
        assert_eq!(place.selection, Some(Selection { anchor: 2, head: 7 }));
        place.follow(
            &[Operation::EditSource {
                cell: CellId::from_random(8),
                delta: Delta::splice(0, 0, "x"),
            }],
            false,
        );
        place.follow(
            &[Operation::EditSource {
                cell,
                delta: Delta::splice(0, 3, ""),
            }],
            false,
        );
        assert_eq!(place.selection, Some(Selection { anchor: 0, head: 4 }));
    }
}
