//! Cells: keyed by id, ordered by fractional keys.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Map, Order};

/// The id of a cell, as nbformat 4.5 has it: 1 to 64 of `A-Z a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CellId(String);

impl CellId {
    /// You get `None` where the text is not a valid id.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let valid = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        valid.then_some(Self(text))
    }

    /// An id from 64 random bits, 16 hexadecimal digits.
    pub fn from_random(bits: u64) -> Self {
        Self(format!("{bits:016x}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CellId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text).ok_or("a cell id is 1 to 64 letters, digits, - or _")
    }
}

impl From<CellId> for String {
    fn from(id: CellId) -> Self {
        id.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellKind {
    Code,
    Markdown,
    Raw,
}

impl CellKind {
    /// The `cell_type` of an `.ipynb` file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Markdown => "markdown",
            Self::Raw => "raw",
        }
    }
}

/// One cell. A deleted cell stays, with everything typed into it, until the log is compacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub kind: CellKind,
    pub source: String,
    pub order: Order,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map,
    /// Attachments of a Markdown or raw cell: file name to mime bundle.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attachments: Map,
    /// Fields of the imported cell that nbformat does not name; written back on export.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}
