//! A batch in normal form: what it comes to for each cell and each key, whatever the order it was written in.
//!
//! Everything in it is either a text delta or a register, so that composing, inverting and transforming a batch are
//! each one look at the cells that both sides touch.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

mod pieces;

use crate::delta::Effort;
use crate::{Cell, CellId, CellKind, Delta, Map, NotebookDoc, Operation, Order, Refused};

/// Keys set to a value or removed.
pub(crate) type Registers = BTreeMap<String, Option<Value>>;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes {
    pub(crate) cells: BTreeMap<CellId, CellChange>,
    /// The notebook's metadata.
    pub(crate) metadata: Registers,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CellChange {
    /// The cell is new. What the batch does to it afterwards is in here, but for `deleted`.
    pub(crate) insert: Option<Box<NewCell>>,
    pub(crate) deleted: Option<bool>,
    pub(crate) order: Option<Order>,
    pub(crate) kind: Option<CellKind>,
    pub(crate) delta: Delta,
    pub(crate) metadata: Registers,
    pub(crate) attachments: Registers,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewCell {
    pub(crate) kind: CellKind,
    pub(crate) order: Order,
    pub(crate) source: String,
    pub(crate) metadata: Map,
    pub(crate) attachments: Map,
}

impl Changes {
    /// Refused where the batch contradicts itself: a cell inserted twice, an edit through a pair it has inserted.
    pub(crate) fn from_operations<'a>(
        operations: impl IntoIterator<Item = &'a Operation>,
    ) -> Result<Self, Refused> {
        let mut changes = Self::default();
        let mut deltas: BTreeMap<&CellId, Vec<Delta>> = BTreeMap::new();
        for operation in operations {
            if let Operation::EditSource { cell, delta } = operation {
                changes.cells.entry(cell.clone()).or_default();
                deltas.entry(cell).or_default().push(delta.clone());
            } else {
                changes.add(operation)?;
            }
        }
        for (id, deltas) in deltas {
            let (delta, exact) = Delta::compose_all(deltas);
            if !exact {
                return Err(Refused::OutOfRange(id.clone()));
            }
            if let Some(cell) = changes.cells.get_mut(id) {
                cell.edit(id, &delta)?;
            }
        }
        changes.tidy();
        Ok(changes)
    }

    /// Everything but text edits.
    fn add(&mut self, operation: &Operation) -> Result<(), Refused> {
        match operation {
            Operation::InsertCell {
                cell,
                kind,
                order,
                source,
                metadata,
                attachments,
            } => {
                let new = NewCell {
                    kind: *kind,
                    order: order.clone(),
                    source: source.clone(),
                    metadata: metadata.clone(),
                    attachments: attachments.clone(),
                };
                match self.cells.entry(cell.clone()) {
                    Entry::Occupied(_) => return Err(Refused::CellExists(cell.clone())),
                    Entry::Vacant(vacant) => vacant.insert(CellChange {
                        insert: Some(Box::new(new)),
                        ..CellChange::default()
                    }),
                };
            }
            Operation::DeleteCell { cell } => self.cell(cell).deleted = Some(true),
            Operation::RestoreCell { cell } => self.cell(cell).deleted = Some(false),
            Operation::MoveCell { cell, order } => self.cell(cell).set_order(order.clone()),
            Operation::SetKind { cell, kind } => self.cell(cell).set_kind(*kind),
            Operation::SetCellMetadata { cell, key, value } => {
                self.cell(cell).set_metadata(key.clone(), value.clone())
            }
            Operation::SetAttachment { cell, name, value } => {
                self.cell(cell).set_attachment(name.clone(), value.clone())
            }
            Operation::SetNotebookMetadata { key, value } => {
                self.metadata.insert(key.clone(), value.clone());
            }
            Operation::EditSource { cell, delta } => self.cell(cell).edit(cell, delta)?,
        }
        Ok(())
    }

    fn cell(&mut self, id: &CellId) -> &mut CellChange {
        self.cells.entry(id.clone()).or_default()
    }

    pub(crate) fn into_operations(self) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(self.len());
        for (cell, change) in self.cells {
            if let Some(new) = change.insert {
                let NewCell {
                    kind,
                    order,
                    source,
                    metadata,
                    attachments,
                } = *new;
                operations.push(Operation::InsertCell {
                    cell: cell.clone(),
                    kind,
                    order,
                    source,
                    metadata,
                    attachments,
                });
            }
            match change.deleted {
                Some(true) => operations.push(Operation::DeleteCell { cell: cell.clone() }),
                Some(false) => operations.push(Operation::RestoreCell { cell: cell.clone() }),
                None => {}
            }
            if let Some(order) = change.order {
                operations.push(Operation::MoveCell {
                    cell: cell.clone(),
                    order,
                });
            }
            if let Some(kind) = change.kind {
                operations.push(Operation::SetKind {
                    cell: cell.clone(),
                    kind,
                });
            }
            if !change.delta.is_empty() {
                operations.push(Operation::EditSource {
                    cell: cell.clone(),
                    delta: change.delta,
                });
            }
            for (key, value) in change.metadata {
                operations.push(Operation::SetCellMetadata {
                    cell: cell.clone(),
                    key,
                    value,
                });
            }
            for (name, value) in change.attachments {
                operations.push(Operation::SetAttachment {
                    cell: cell.clone(),
                    name,
                    value,
                });
            }
        }
        for (key, value) in self.metadata {
            operations.push(Operation::SetNotebookMetadata { key, value });
        }
        operations
    }

    /// The same with `\n` for every `\r\n` and `\r` in edits of text: what an old text is deleted with must not come back.
    pub(crate) fn with_line_feeds(mut self) -> Self {
        for change in self.cells.values_mut() {
            change.delta = std::mem::take(&mut change.delta).with_line_feeds();
        }
        self
    }

    /// How many operations it is.
    pub(crate) fn len(&self) -> usize {
        self.metadata.len() + self.cells.values().map(CellChange::len).sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cells.is_empty() && self.metadata.is_empty()
    }

    /// These changes and then `next`.
    pub(crate) fn compose(&mut self, next: Changes) -> Result<(), Refused> {
        for (id, change) in next.cells {
            match self.cells.entry(id) {
                Entry::Vacant(vacant) => {
                    vacant.insert(change);
                }
                Entry::Occupied(mut occupied) => {
                    let id = occupied.key().clone();
                    occupied.get_mut().compose(&id, change)?;
                }
            }
        }
        self.metadata.extend(next.metadata);
        self.tidy();
        Ok(())
    }

    /// Each so that it stands after the other. Where both set one value, `second` wins; at one spot of a text
    /// `first`'s insert comes first.
    pub(crate) fn transform(first: &mut Changes, second: &mut Changes) {
        let shared: Vec<CellId> = if first.cells.len() <= second.cells.len() {
            first
                .cells
                .keys()
                .filter(|id| second.cells.contains_key(id))
                .cloned()
                .collect()
        } else {
            second
                .cells
                .keys()
                .filter(|id| first.cells.contains_key(id))
                .cloned()
                .collect()
        };
        for id in &shared {
            if let (Some(a), Some(b)) = (first.cells.get_mut(id), second.cells.get_mut(id)) {
                CellChange::transform(a, b);
            }
        }
        first
            .metadata
            .retain(|key, _| !second.metadata.contains_key(key));
        for id in &shared {
            first.drop_empty(id);
            second.drop_empty(id);
        }
    }

    /// Puts these changes after a batch of the log. What of the batch touches nothing here is not even looked at.
    pub(crate) fn stand_after(&mut self, first: &[Operation]) -> Result<(), Refused> {
        if !first.iter().any(|operation| self.touches(operation)) {
            return Ok(());
        }
        let mut first =
            Self::from_operations(first.iter().filter(|operation| self.touches(operation)))?;
        Self::transform(&mut first, self);
        Ok(())
    }

    fn touches(&self, operation: &Operation) -> bool {
        match operation.cell() {
            Some(cell) => self.cells.contains_key(cell),
            None => {
                matches!(operation, Operation::SetNotebookMetadata { key, .. } if self.metadata.contains_key(key))
            }
        }
    }

    /// What undoes these changes, which fit `document`.
    pub(crate) fn invert(&self, document: &NotebookDoc) -> Result<Changes, Refused> {
        let mut inverse = Changes::default();
        for (id, change) in &self.cells {
            let undo = if change.insert.is_some() {
                CellChange {
                    deleted: Some(true),
                    ..CellChange::default()
                }
            } else {
                let cell = document
                    .cell(id)
                    .ok_or_else(|| Refused::NoSuchCell(id.clone()))?;
                change.invert(id, cell)?
            };
            inverse.cells.insert(id.clone(), undo);
        }
        inverse.metadata = invert_registers(&self.metadata, &document.metadata);
        Ok(inverse)
    }

    /// What turns one document into another, cells that are gone aside: nothing removes a cell for good. In texts these
    /// are the edits that were likely made: the outcome does not tell which of two equal words is the old one.
    pub(crate) fn between<'a>(
        from: &NotebookDoc,
        to: &NotebookDoc,
        ids: impl Iterator<Item = &'a CellId>,
    ) -> Changes {
        let mut changes = Changes {
            metadata: registers_between(&from.metadata, &to.metadata),
            ..Changes::default()
        };
        let mut effort = Effort::of_document();
        for id in ids {
            let change = match (from.cell(id), to.cell(id)) {
                (Some(old), Some(new)) => {
                    CellChange::between(old, new, |old, new| Delta::likely(old, new, &mut effort))
                }
                (None, Some(new)) => CellChange {
                    insert: Some(Box::new(NewCell {
                        kind: new.kind,
                        order: new.order.clone(),
                        source: new.source.clone(),
                        metadata: new.metadata.clone(),
                        attachments: new.attachments.clone(),
                    })),
                    deleted: new.deleted.then_some(true),
                    ..CellChange::default()
                },
                (_, None) => continue,
            };
            changes.cells.insert(id.clone(), change);
        }
        changes.tidy();
        changes
    }

    /// Takes out what touches cells that `document` does not have.
    pub(crate) fn take_homeless(&mut self, document: &NotebookDoc) -> Changes {
        let ids: Vec<CellId> = self
            .cells
            .iter()
            .filter(|(id, change)| change.insert.is_some() == document.cell(id).is_some())
            .map(|(id, _)| id.clone())
            .collect();
        let mut homeless = Changes::default();
        for id in ids {
            if let Some(change) = self.cells.remove(&id) {
                homeless.cells.insert(id, change);
            }
        }
        homeless
    }

    fn drop_empty(&mut self, id: &CellId) {
        if self.cells.get(id).is_some_and(|change| change.len() == 0) {
            self.cells.remove(id);
        }
    }

    fn tidy(&mut self) {
        self.cells.retain(|_, change| change.len() > 0);
    }
}

impl CellChange {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.insert.is_some())
            + usize::from(self.deleted.is_some())
            + usize::from(self.order.is_some())
            + usize::from(self.kind.is_some())
            + usize::from(!self.delta.is_empty())
            + self.metadata.len()
            + self.attachments.len()
    }

    /// Where the change puts the cell, if it says so.
    pub(crate) fn placed(&self) -> Option<&Order> {
        let new = self.insert.as_ref().map(|new| &new.order);
        self.order.as_ref().or(new)
    }

    pub(crate) fn set_order(&mut self, order: Order) {
        match &mut self.insert {
            Some(new) => new.order = order,
            None => self.order = Some(order),
        }
    }

    fn set_kind(&mut self, kind: CellKind) {
        match &mut self.insert {
            Some(new) => new.kind = kind,
            None => self.kind = Some(kind),
        }
    }

    fn set_metadata(&mut self, key: String, value: Option<Value>) {
        match &mut self.insert {
            Some(new) => set(&mut new.metadata, key, value),
            None => {
                self.metadata.insert(key, value);
            }
        }
    }

    fn set_attachment(&mut self, name: String, value: Option<Value>) {
        match &mut self.insert {
            Some(new) => set(&mut new.attachments, name, value),
            None => {
                self.attachments.insert(name, value);
            }
        }
    }

    fn edit(&mut self, id: &CellId, delta: &Delta) -> Result<(), Refused> {
        let out_of_range = || Refused::OutOfRange(id.clone());
        match &mut self.insert {
            Some(new) => new.source = delta.apply(&new.source).ok_or_else(out_of_range)?,
            None => {
                let (composed, exact) = self.delta.compose_exact(delta);
                if !exact {
                    return Err(out_of_range());
                }
                self.delta = composed;
            }
        }
        Ok(())
    }

    fn compose(&mut self, id: &CellId, next: CellChange) -> Result<(), Refused> {
        if next.insert.is_some() {
            return Err(Refused::CellExists(id.clone()));
        }
        if next.deleted.is_some() {
            self.deleted = next.deleted;
        }
        if let Some(order) = next.order {
            self.set_order(order);
        }
        if let Some(kind) = next.kind {
            self.set_kind(kind);
        }
        if !next.delta.is_empty() {
            self.edit(id, &next.delta)?;
        }
        for (key, value) in next.metadata {
            self.set_metadata(key, value);
        }
        for (name, value) in next.attachments {
            self.set_attachment(name, value);
        }
        Ok(())
    }

    fn transform(first: &mut CellChange, second: &mut CellChange) {
        match (first.insert.take(), second.insert.take()) {
            // Two cells of one id: `second`'s is what it becomes.
            (Some(a), Some(b)) => {
                let (a, b) = (a.into_cell(first.deleted), b.into_cell(second.deleted));
                *second = CellChange::between(&a, &b, Delta::replacement);
                *first = CellChange::default();
                return;
            }
            // Only one of two batches made on one document can know the cell: leave what cannot meet alone.
            (Some(a), None) => {
                first.insert = Some(a);
                return;
            }
            (None, Some(b)) => {
                second.insert = Some(b);
                return;
            }
            (None, None) => {}
        }
        if second.deleted.is_some() {
            first.deleted = None;
        }
        if second.order.is_some() {
            first.order = None;
        }
        if second.kind.is_some() {
            first.kind = None;
        }
        first
            .metadata
            .retain(|key, _| !second.metadata.contains_key(key));
        first
            .attachments
            .retain(|name, _| !second.attachments.contains_key(name));
        if !first.delta.is_empty() && !second.delta.is_empty() {
            (first.delta, second.delta) = first.delta.transform(&second.delta);
        }
    }

    fn invert(&self, id: &CellId, cell: &Cell) -> Result<CellChange, Refused> {
        Ok(CellChange {
            insert: None,
            deleted: self.deleted.map(|_| cell.deleted),
            order: self.order.as_ref().map(|_| cell.order.clone()),
            kind: self.kind.map(|_| cell.kind),
            delta: self
                .delta
                .invert(&cell.source)
                .ok_or_else(|| Refused::OutOfRange(id.clone()))?,
            metadata: invert_registers(&self.metadata, &cell.metadata),
            attachments: invert_registers(&self.attachments, &cell.attachments),
        })
    }

    fn between(old: &Cell, new: &Cell, diff: impl FnOnce(&str, &str) -> Delta) -> CellChange {
        CellChange {
            insert: None,
            deleted: (old.deleted != new.deleted).then_some(new.deleted),
            order: (old.order != new.order).then(|| new.order.clone()),
            kind: (old.kind != new.kind).then_some(new.kind),
            delta: if old.source == new.source {
                Delta::default()
            } else {
                diff(&old.source, &new.source)
            },
            metadata: registers_between(&old.metadata, &new.metadata),
            attachments: registers_between(&old.attachments, &new.attachments),
        }
    }
}

impl NewCell {
    pub(crate) fn into_cell(self, deleted: Option<bool>) -> Cell {
        Cell {
            kind: self.kind,
            source: self.source,
            order: self.order,
            metadata: self.metadata,
            attachments: self.attachments,
            extra: Map::new(),
            deleted: deleted == Some(true),
        }
    }
}

/// Sets or removes a key, keeping the order of the others.
pub(crate) fn set(map: &mut Map, key: String, value: Option<Value>) {
    match value {
        Some(value) => {
            map.insert(key, value);
        }
        None => {
            map.shift_remove(&key);
        }
    }
}

fn invert_registers(registers: &Registers, old: &Map) -> Registers {
    registers
        .keys()
        .map(|key| (key.clone(), old.get(key).cloned()))
        .collect()
}

fn registers_between(old: &Map, new: &Map) -> Registers {
    let mut registers = Registers::new();
    for (key, value) in new {
        if old.get(key) != Some(value) {
            registers.insert(key.clone(), Some(value.clone()));
        }
    }
    for key in old.keys() {
        if !new.contains_key(key) {
            registers.insert(key.clone(), None);
        }
    }
    registers
}
