//! Presence: who is here and where; ephemeral, moved along by later edits.

use serde::{Deserialize, Serialize};

use crate::CellId;

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
