//! Operations: every change of a document, typed and checkable.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::changes::Changes;
use crate::{CellId, CellKind, Delta, Map, Order};

/// One change. A batch is a list of them, each made on the result of the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    InsertCell {
        cell: CellId,
        kind: CellKind,
        order: Order,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        source: String,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        metadata: Map,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        attachments: Map,
    },
    /// The cell is hidden; edits to it are kept inside it.
    DeleteCell {
        cell: CellId,
    },
    RestoreCell {
        cell: CellId,
    },
    MoveCell {
        cell: CellId,
        order: Order,
    },
    EditSource {
        cell: CellId,
        delta: Delta,
    },
    SetKind {
        cell: CellId,
        kind: CellKind,
    },
    /// One key of a cell's metadata; `None` removes it.
    SetCellMetadata {
        cell: CellId,
        key: String,
        #[serde(
            default,
            deserialize_with = "said",
            skip_serializing_if = "Option::is_none"
        )]
        value: Option<Value>,
    },
    /// One attachment of a cell; `None` removes it.
    SetAttachment {
        cell: CellId,
        name: String,
        #[serde(
            default,
            deserialize_with = "said",
            skip_serializing_if = "Option::is_none"
        )]
        value: Option<Value>,
    },
    /// One key of the notebook's metadata; `None` removes it.
    SetNotebookMetadata {
        key: String,
        #[serde(
            default,
            deserialize_with = "said",
            skip_serializing_if = "Option::is_none"
        )]
        value: Option<Value>,
    },
}

/// Why a batch was refused. Nothing of it was applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail")]
pub enum Refused {
    #[error("the edit does not fit the text of cell {0}; the notebook was read again")]
    #[serde(rename = "op.out_of_range")]
    OutOfRange(CellId),
    #[error("there is no cell {0}; the notebook was read again")]
    #[serde(rename = "op.no_such_cell")]
    NoSuchCell(CellId),
    #[error("there is a cell {0} already")]
    #[serde(rename = "op.cell_exists")]
    CellExists(CellId),
    #[error("metadata is nested deeper than 32 levels")]
    #[serde(rename = "room.too_deep")]
    TooDeep,
    #[error("{0} is larger than allowed")]
    #[serde(rename = "op.too_large")]
    TooLarge(String),
    #[error("the text for cell {0} holds a carriage return; line ends are \\n")]
    #[serde(rename = "op.line_end")]
    LineEnd(CellId),
    #[error("the notebook is full (20 MiB of source, 50,000 cells)")]
    #[serde(rename = "notebook.full")]
    Full,
    #[error("you may read this notebook, not change it")]
    #[serde(rename = "read_only")]
    ReadOnly,
    #[error("the batch belongs to another client")]
    #[serde(rename = "room.foreign_client")]
    ForeignClient,
    #[error("the base revision is not in the log; the notebook was read again")]
    #[serde(rename = "room.resync")]
    Resync,
    #[error("batches arrived out of order; the notebook was read again")]
    #[serde(rename = "room.gap")]
    Gap,
}

/// Two batches made on one document: returns each so that it stands after the other.
/// `first` was sequenced first: where both set one value, the later (`second`) wins; at one spot of a text `first`'s insert comes first.
/// Law: `doc·first·second' == doc·second·first'`. Batches that contradict themselves (no document takes them) come back as they are.
pub fn transform(first: &[Operation], second: &[Operation]) -> (Vec<Operation>, Vec<Operation>) {
    match (
        Changes::from_operations(first),
        Changes::from_operations(second),
    ) {
        (Ok(mut a), Ok(mut b)) => {
            Changes::transform(&mut a, &mut b);
            (a.into_operations(), b.into_operations())
        }
        _ => (first.to_vec(), second.to_vec()),
    }
}

/// A `null` that is said is a value like any other; only what is not said removes the key.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Operation {
    /// The cell it changes; `None` for the notebook's metadata.
    pub fn cell(&self) -> Option<&CellId> {
        match self {
            Self::InsertCell { cell, .. }
            | Self::DeleteCell { cell }
            | Self::RestoreCell { cell }
            | Self::MoveCell { cell, .. }
            | Self::EditSource { cell, .. }
            | Self::SetKind { cell, .. }
            | Self::SetCellMetadata { cell, .. }
            | Self::SetAttachment { cell, .. } => Some(cell),
            Self::SetNotebookMetadata { .. } => None,
        }
    }

    /// The same with `\n` for every `\r\n` and `\r` in the text it puts into a cell.
    #[must_use]
    pub fn with_line_feeds(mut self) -> Self {
        match &mut self {
            Self::InsertCell { source, .. } if source.contains('\r') => {
                *source = line_feeds(source);
            }
            Self::EditSource { delta, .. } => *delta = std::mem::take(delta).with_line_feeds(),
            _ => {}
        }
        self
    }
}

/// A text with `\n` for every `\r\n` and `\r`.
pub fn line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

impl Refused {
    /// The name by which doors and tests know it, `op.out_of_range`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange(_) => "op.out_of_range",
            Self::NoSuchCell(_) => "op.no_such_cell",
            Self::CellExists(_) => "op.cell_exists",
            Self::TooDeep => "room.too_deep",
            Self::TooLarge(_) => "op.too_large",
            Self::LineEnd(_) => "op.line_end",
            Self::Full => "notebook.full",
            Self::ReadOnly => "read_only",
            Self::ForeignClient => "room.foreign_client",
            Self::Resync => "room.resync",
            Self::Gap => "room.gap",
        }
    }
}
