//! Presence: who is here and where; ephemeral, moved along by later edits.

use serde::{Deserialize, Serialize};

use crate::{CellId, Operation};

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
    pub user: String,
    pub name: String,
    /// 1 to 8, given per room so that neighbours differ.
    pub color: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Place {
    /// Moves along with a batch. `own`: the batch was typed by whoever stands here, so that the caret stays behind what was typed.
    /// A place in a deleted cell stays: the cell may come back.
    pub fn follow(&mut self, operations: &[Operation], own: bool) {
        let Some(selection) = &mut self.selection else {
            return;
        };
        for operation in operations {
            if let Operation::EditSource { cell, delta } = operation
                && *cell == self.cell
            {
                selection.anchor = delta.move_position(selection.anchor, own);
                selection.head = delta.move_position(selection.head, own);
            }
        }
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
