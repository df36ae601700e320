//! The document: metadata and cells, and how an operation changes them.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::changes::{Changes, Registers, set};
use crate::{Cell, CellId, Map, Operation, Order, Refused, limits};

/// A notebook without its outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct NotebookDoc {
    /// Notebook metadata (`kernelspec`, `language_info`, …).
    pub metadata: Map,
    /// Top-level fields of the imported file that nbformat does not name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map,
    /// `nbformat_minor` of the imported file, written back on export; 5 for a notebook made here.
    #[serde(skip_serializing_if = "is_current_minor")]
    pub minor: u32,
    /// Every cell, deleted ones too. Read them in order with [`NotebookDoc::cells`].
    pub(crate) cells: BTreeMap<CellId, Cell>,
    /// UTF-8 bytes of all sources, kept so that a keystroke need not count them.
    #[serde(skip)]
    source_bytes: usize,
    /// Serialized bytes of all cells' metadata and attachments.
    #[serde(skip)]
    other_bytes: usize,
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
        let mut cells: Vec<_> = self
            .cells
            .iter()
            .filter(|(_, cell)| !cell.deleted)
            .collect();
        cells.sort_unstable_by(|a, b| (&a.1.order, a.0).cmp(&(&b.1.order, b.0)));
        cells
    }

    /// A cell by its id, also a deleted one.
    pub fn cell(&self, id: &CellId) -> Option<&Cell> {
        self.cells.get(id)
    }

    /// Every cell, deleted ones too, by id.
    pub fn every_cell(&self) -> impl Iterator<Item = (&CellId, &Cell)> {
        self.cells.iter()
    }

    /// The order key for a cell placed right after `after` (`None`: at the top). In a gap that is nearly full it may be
    /// longer than [`limits::ORDER_BYTES`]: [`crate::Client::edit`] then moves the cells around it apart.
    pub fn order_after(&self, after: Option<&CellId>) -> Order {
        let (before, next) = self.gap_after(after);
        Order::between(before, next)
    }

    /// The order keys for `count` cells placed one after another right after `after` (`None`: at the top).
    pub fn orders_after(&self, after: Option<&CellId>, count: usize) -> Vec<Order> {
        let (before, next) = self.gap_after(after);
        Order::spread(before, next, count)
    }

    fn gap_after(&self, after: Option<&CellId>) -> (Option<&Order>, Option<&Order>) {
        let before = after
            .and_then(|id| self.cells.get(id))
            .map(|cell| &cell.order);
        // Deleted cells count, so that a restored one does not share a key with its neighbour.
        let next = self
            .cells
            .values()
            .map(|cell| &cell.order)
            .filter(|order| before.is_none_or(|before| *order > before))
            .min();
        (before, next)
    }

    /// The order key for a cell placed right before `before`.
    pub fn order_before(&self, before: &CellId) -> Order {
        let after = self.cells.get(before).map(|cell| &cell.order);
        let previous = self
            .cells
            .values()
            .map(|cell| &cell.order)
            .filter(|order| after.is_none_or(|after| *order < after))
            .max();
        Order::between(previous, after)
    }

    /// Adds a cell as it is; for importers and tests. Replaces one of the same id.
    pub fn put_cell(&mut self, id: CellId, cell: Cell) {
        self.source_bytes += cell.source.len();
        self.other_bytes += other_bytes(&cell);
        if let Some(old) = self.cells.insert(id, cell) {
            self.source_bytes -= old.source.len();
            self.other_bytes -= other_bytes(&old);
        }
    }

    /// Checks the whole batch and applies it, or changes nothing.
    pub fn apply(&mut self, batch: &[Operation]) -> Result<(), Refused> {
        check_batch(batch)?;
        check_line_ends(batch)?;
        self.apply_changes(Changes::from_operations(batch)?, true)
    }

    /// What undoes `operation`, made on the document as it is now.
    pub fn invert(&self, operation: &Operation) -> Result<Operation, Refused> {
        let changes = Changes::from_operations([operation])?;
        let inverse = match operation.cell() {
            // Even an edit that changes nothing needs its cell.
            Some(id)
                if !matches!(operation, Operation::InsertCell { .. })
                    && self.cell(id).is_none() =>
            {
                return Err(Refused::NoSuchCell(id.clone()));
            }
            _ => changes.invert(self)?,
        };
        Ok(inverse
            .into_operations()
            .pop()
            .unwrap_or_else(|| operation.clone()))
    }

    /// UTF-8 bytes of all sources, deleted cells included.
    pub fn source_bytes(&self) -> usize {
        self.source_bytes
    }

    /// Applies a batch that the log holds already: it was checked against the limits once.
    pub(crate) fn replay(&mut self, batch: &[Operation]) -> Result<(), Refused> {
        self.apply_changes(Changes::from_operations(batch)?, false)
    }

    /// Looks at everything first, then changes everything.
    pub(crate) fn apply_changes(&mut self, changes: Changes, limited: bool) -> Result<(), Refused> {
        let plan = self.plan(&changes, limited)?;
        self.source_bytes = plan.source_bytes;
        self.other_bytes = plan.other_bytes;
        let mut sources = plan.sources.into_iter();
        for (id, change) in changes.cells {
            if let Some(new) = change.insert {
                self.cells.insert(id, new.into_cell(change.deleted));
                continue;
            }
            let Some(cell) = self.cells.get_mut(&id) else {
                continue;
            };
            if !change.delta.is_empty() {
                cell.source = sources.next().unwrap_or_default();
            }
            cell.deleted = change.deleted.unwrap_or(cell.deleted);
            cell.kind = change.kind.unwrap_or(cell.kind);
            if let Some(order) = change.order {
                cell.order = order;
            }
            for (key, value) in change.metadata {
                set(&mut cell.metadata, key, value);
            }
            for (name, value) in change.attachments {
                set(&mut cell.attachments, name, value);
            }
        }
        for (key, value) in changes.metadata {
            set(&mut self.metadata, key, value);
        }
        Ok(())
    }

    fn plan(&self, changes: &Changes, limited: bool) -> Result<Plan, Refused> {
        let mut plan = Plan {
            sources: Vec::new(),
            source_bytes: self.source_bytes,
            other_bytes: self.other_bytes,
        };
        let mut inserted = 0;
        for (id, change) in &changes.cells {
            if limited
                && let Some(order) = change.placed()
                && order.is_too_long()
            {
                return Err(Refused::TooLarge(format!(
                    "an order key of {} characters (limit {})",
                    order.as_str().len(),
                    limits::ORDER_BYTES
                )));
            }
            match (&change.insert, self.cells.get(id)) {
                (Some(_), Some(_)) => return Err(Refused::CellExists(id.clone())),
                (None, None) => return Err(Refused::NoSuchCell(id.clone())),
                (Some(new), None) => {
                    if limited {
                        check_map(&new.metadata, limits::METADATA_BYTES, "a metadata value")?;
                        check_map(&new.attachments, limits::BATCH_BYTES, "an attachment")?;
                    }
                    inserted += 1;
                    plan.source_bytes += new.source.len();
                    plan.other_bytes += map_bytes(&new.metadata) + map_bytes(&new.attachments);
                }
                (None, Some(cell)) => {
                    if !change.delta.is_empty() {
                        let source = change
                            .delta
                            .apply(&cell.source)
                            .ok_or_else(|| Refused::OutOfRange(id.clone()))?;
                        plan.source_bytes = plan.source_bytes - cell.source.len() + source.len();
                        plan.sources.push(source);
                    }
                    plan.registers(
                        &change.metadata,
                        &cell.metadata,
                        limited.then_some((limits::METADATA_BYTES, "a metadata value")),
                    )?;
                    plan.registers(
                        &change.attachments,
                        &cell.attachments,
                        limited.then_some((limits::BATCH_BYTES, "an attachment")),
                    )?;
                }
            }
        }
        if limited {
            let mut notebook = Plan {
                sources: Vec::new(),
                source_bytes: 0,
                other_bytes: map_bytes(&self.metadata),
            };
            let notebook_before = notebook.other_bytes;
            if !changes.metadata.is_empty() {
                notebook.registers(
                    &changes.metadata,
                    &self.metadata,
                    Some((limits::METADATA_BYTES, "a metadata value")),
                )?;
            }
            // A notebook that is over a limit already may shrink.
            let fuller =
                |before: usize, after: usize, limit: usize| after > before && after > limit;
            if fuller(self.source_bytes, plan.source_bytes, limits::DOCUMENT_BYTES)
                || fuller(self.other_bytes, plan.other_bytes, limits::DOCUMENT_BYTES)
                || fuller(
                    notebook_before,
                    notebook.other_bytes,
                    limits::DOCUMENT_BYTES,
                )
                || fuller(self.cells.len(), self.cells.len() + inserted, limits::CELLS)
            {
                return Err(Refused::Full);
            }
        }
        Ok(plan)
    }
}

impl Default for NotebookDoc {
    fn default() -> Self {
        Self {
            metadata: Map::new(),
            extra: Map::new(),
            minor: CURRENT_MINOR,
            cells: BTreeMap::new(),
            source_bytes: 0,
            other_bytes: 0,
        }
    }
}

/// Serialized size of a value, without building the text.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => usize::MAX,
    }
}

/// What [`limits`] says about a batch as a whole.
pub(crate) fn check_batch(batch: &[Operation]) -> Result<(), Refused> {
    if batch.len() > limits::BATCH_OPERATIONS {
        return Err(Refused::TooLarge(format!(
            "a batch of {} operations (limit {})",
            batch.len(),
            limits::BATCH_OPERATIONS
        )));
    }
    let bytes = json_bytes(&batch);
    if bytes > limits::BATCH_BYTES {
        return Err(Refused::TooLarge(format!(
            "a batch of {bytes} bytes (limit {})",
            limits::BATCH_BYTES
        )));
    }
    Ok(())
}

/// No carriage return gets into a text: editors make a line end of it, and everybody would count differently behind it.
pub(crate) fn check_line_ends(batch: &[Operation]) -> Result<(), Refused> {
    for operation in batch {
        match operation {
            Operation::InsertCell { cell, source, .. } if source.contains('\r') => {
                return Err(Refused::LineEnd(cell.clone()));
            }
            Operation::EditSource { cell, delta } if delta.inserts('\r') => {
                return Err(Refused::LineEnd(cell.clone()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a [`crate::Client`] cannot send in pieces must fit into one.
pub(crate) fn check_uncuttable(batch: &[Operation]) -> Result<(), Refused> {
    for operation in batch {
        let bytes = match operation {
            Operation::InsertCell {
                metadata,
                attachments,
                ..
            } => json_bytes(metadata) + json_bytes(attachments),
            Operation::SetCellMetadata { key, value, .. }
            | Operation::SetAttachment {
                name: key, value, ..
            }
            | Operation::SetNotebookMetadata { key, value } => json_bytes(key) + json_bytes(value),
            _ => 0,
        };
        if bytes > limits::VALUE_BYTES {
            return Err(Refused::TooLarge(format!(
                "a value of {bytes} bytes (limit {})",
                limits::VALUE_BYTES
            )));
        }
    }
    Ok(())
}

const CURRENT_MINOR: u32 = 5;

fn is_current_minor(minor: &u32) -> bool {
    *minor == CURRENT_MINOR
}

fn current_minor() -> u32 {
    CURRENT_MINOR
}

/// A document as it is stored; what can be counted is not.
#[derive(Deserialize)]
struct Stored {
    metadata: Map,
    #[serde(default)]
    extra: Map,
    #[serde(default = "current_minor")]
    minor: u32,
    cells: BTreeMap<CellId, Cell>,
}

impl From<Stored> for NotebookDoc {
    fn from(stored: Stored) -> Self {
        let source_bytes = stored.cells.values().map(|cell| cell.source.len()).sum();
        let other_bytes = stored.cells.values().map(other_bytes).sum();
        let Stored {
            metadata,
            extra,
            minor,
            cells,
        } = stored;
        Self {
            metadata,
            extra,
            minor,
            cells,
            source_bytes,
            other_bytes,
        }
    }
}

/// What a batch comes to, computed before anything is changed.
struct Plan {
    /// The new source of each cell with a delta, in the order of the cells.
    sources: Vec<String>,
    source_bytes: usize,
    other_bytes: usize,
}

impl Plan {
    fn registers(
        &mut self,
        registers: &Registers,
        old: &Map,
        limit: Option<(usize, &str)>,
    ) -> Result<(), Refused> {
        for (key, value) in registers {
            if let Some(old) = old.get(key) {
                self.other_bytes = self.other_bytes.saturating_sub(entry_bytes(key, old));
            }
            if let Some(value) = value {
                if let Some((limit, what)) = limit {
                    check_value(key, value, limit, what)?;
                }
                self.other_bytes += entry_bytes(key, value);
            }
        }
        Ok(())
    }
}

fn check_map(map: &Map, limit: usize, what: &str) -> Result<(), Refused> {
    map.iter()
        .try_for_each(|(key, value)| check_value(key, value, limit, what))
}

fn check_value(key: &str, value: &Value, limit: usize, what: &str) -> Result<(), Refused> {
    if depth(value) > limits::METADATA_DEPTH {
        return Err(Refused::TooDeep);
    }
    let bytes = entry_bytes(key, value);
    if bytes > limit {
        return Err(Refused::TooLarge(format!(
            "{what} of {bytes} bytes (limit {limit})"
        )));
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn other_bytes(cell: &Cell) -> usize {
    map_bytes(&cell.metadata) + map_bytes(&cell.attachments)
}

fn map_bytes(map: &Map) -> usize {
    map.iter().map(|(key, value)| entry_bytes(key, value)).sum()
}

fn entry_bytes(key: &str, value: &Value) -> usize {
    key.len() + json_bytes(value)
}

#[cfg(test)]
mod tests;
