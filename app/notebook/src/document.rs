//! The document: metadata and cells, and how an operation changes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Cell, CellId, Map};

/// A notebook without its outputs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NotebookDoc {
    /// Notebook metadata (`kernelspec`, `language_info`, …).
    pub metadata: Map,
    /// Top-level fields of the imported file that nbformat does not name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map,
    /// Every cell, deleted ones too. Read them in order with [`NotebookDoc::cells`].
    pub(crate) cells: BTreeMap<CellId, Cell>,
}

/// A document at a revision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub revision: u64,
    pub document: NotebookDoc,
}

impl NotebookDoc {
    /// Cells that are not deleted, in order.
    pub fn cells(&self) -> Vec<(&CellId, &Cell)> {
        todo!()
    }
    pub fn cell(&self, _id: &CellId) -> Option<&Cell> {
        todo!()
    }
    /// The order key for a cell placed right after `after` (`None`: at the top).
    pub fn order_after(&self, _after: Option<&CellId>) -> crate::Order {
        todo!()
    }
    /// Adds a cell as it is; for importers and tests. Replaces one of the same id.
    pub fn put_cell(&mut self, _id: CellId, _cell: Cell) {
        todo!()
    }
    /// Checks the whole batch and applies it, or changes nothing.
    pub fn apply(&mut self, _batch: &[crate::Operation]) -> Result<(), crate::Refused> {
        todo!()
    }
    /// What undoes `operation`, made on the document as it is now.
    pub fn invert(&self, _operation: &crate::Operation) -> Result<crate::Operation, crate::Refused> {
        todo!()
    }
}
