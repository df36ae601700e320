//! Large changes in pieces that fit a batch.

use serde_json::Value;

use super::{CellChange, Changes, NewCell, Registers};
use crate::document::json_bytes;
use crate::{CellId, Delta};

/// What an operation takes beside its content: names, id, brackets.
const AROUND: usize = 128;

impl Changes {
    /// About how many bytes a batch of these changes is.
    pub(crate) fn weight(&self) -> usize {
        let cells: usize = self.cells.values().map(CellChange::weight).sum();
        cells + registers_weight(&self.metadata)
    }

    /// In pieces of at most about `bytes`, which one after another come to the same. Only text is cut; a value that is
    /// larger alone is a piece of its own.
    pub(crate) fn pieces(self, bytes: usize) -> Vec<Changes> {
        if self.weight() <= bytes {
            return vec![self];
        }
        let mut packer = Packer {
            bytes,
            ..Packer::default()
        };
        for (id, change) in self.cells {
            packer.pack(&id, change);
        }
        for (key, value) in self.metadata {
            packer.make_room(register_weight(&key, value.as_ref()));
            packer.piece.metadata.insert(key, value);
        }
        packer.seal();
        packer.pieces
    }
}

impl CellChange {
    fn weight(&self) -> usize {
        let registers = usize::from(self.deleted.is_some())
            + usize::from(self.order.is_some())
            + usize::from(self.kind.is_some());
        self.insert.as_ref().map_or(0, |new| new.weight())
            + registers * AROUND
            + self.order.as_ref().map_or(0, json_bytes)
            + delta_weight(&self.delta)
            + registers_weight(&self.metadata)
            + registers_weight(&self.attachments)
    }
}

impl NewCell {
    fn weight(&self) -> usize {
        AROUND
            + json_bytes(&self.order)
            + text_weight(&self.source)
            + json_bytes(&self.metadata)
            + json_bytes(&self.attachments)
    }
}

#[derive(Default)]
struct Packer {
    bytes: usize,
    pieces: Vec<Changes>,
    piece: Changes,
    weight: usize,
}

impl Packer {
    /// What is put in next has this weight.
    fn make_room(&mut self, weight: usize) {
        if self.weight + weight > self.bytes {
            self.seal();
        }
        self.weight += weight;
    }

    fn seal(&mut self) {
        self.weight = 0;
        if !self.piece.is_empty() {
            self.pieces.push(std::mem::take(&mut self.piece));
        }
    }

    fn cell(&mut self, id: &CellId) -> &mut CellChange {
        self.piece.cells.entry(id.clone()).or_default()
    }

    fn pack(&mut self, id: &CellId, mut change: CellChange) {
        if let Some(mut new) = change.insert.take() {
            // The cell with as much of its text as there is room for; the rest is written into it afterwards.
            let text = Delta::splice(0, 0, &std::mem::take(&mut new.source));
            self.make_room(new.weight());
            self.cell(id).insert = Some(new);
            self.pack_text(id, text);
        }
        if change.deleted.is_some() || change.order.is_some() || change.kind.is_some() {
            self.make_room(change.order.as_ref().map_or(0, json_bytes) + 3 * AROUND);
            let cell = self.cell(id);
            (cell.deleted, cell.kind) = (change.deleted, change.kind);
            cell.order = change.order;
        }
        self.pack_text(id, change.delta);
        for (key, value) in change.metadata {
            self.make_room(register_weight(&key, value.as_ref()));
            self.cell(id).metadata.insert(key, value);
        }
        for (name, value) in change.attachments {
            self.make_room(register_weight(&name, value.as_ref()));
            self.cell(id).attachments.insert(name, value);
        }
    }

    fn pack_text(&mut self, id: &CellId, mut delta: Delta) {
        while !delta.is_empty() {
            let room = self.bytes.saturating_sub(self.weight + AROUND);
            // A sliver of the text is not worth a cut, unless a whole piece has room for no more.
            if self.weight > 0 && room < self.bytes / 8 && delta_weight(&delta) > room {
                self.seal();
                continue;
            }
            let (first, rest) = delta.split(room, text_bytes);
            self.weight += delta_weight(&first);
            let cell = self.cell(id);
            match &mut cell.insert {
                // Only the text of a new cell comes here with the cell: it is the whole of it so far.
                Some(new) => new.source = first.apply(&new.source).unwrap_or_default(),
                None => cell.delta = first,
            }
            delta = rest;
            if !delta.is_empty() {
                self.seal();
            }
        }
    }
}

fn delta_weight(delta: &Delta) -> usize {
    if delta.is_empty() {
        return 0;
    }
    AROUND + delta.weight(text_bytes)
}

fn registers_weight(registers: &Registers) -> usize {
    registers
        .iter()
        .map(|(key, value)| register_weight(key, value.as_ref()))
        .sum()
}

fn register_weight(key: &str, value: Option<&Value>) -> usize {
    AROUND + key.len() + value.map_or(0, json_bytes)
}

fn text_weight(text: &str) -> usize {
    text.chars().map(text_bytes).sum()
}

/// Bytes of a character inside a JSON string.
fn text_bytes(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CellKind, Map, Operation, Order};

    fn id(name: &str) -> CellId {
        CellId::new(name).expect("an id")
    }

    fn large() -> Vec<Operation> {
        let order = Order::between(None, None);
        vec![
            Operation::InsertCell {
                cell: id("new"),
                kind: CellKind::Code,
                order: order.clone(),
                source: "π \"quoted\"\n".repeat(300),
                metadata: Map::new(),
                attachments: Map::new(),
            },
            Operation::EditSource {
                cell: id("old"),
                delta: Delta::new([
                    crate::Step::Retain(3),
                    crate::Step::Insert("😀a".repeat(900)),
                    crate::Step::Delete(2),
                    crate::Step::Retain(1),
                    crate::Step::Insert("end".into()),
                ]),
            },
            Operation::MoveCell {
                cell: id("old"),
                order,
            },
            Operation::SetCellMetadata {
                cell: id("old"),
                key: "tags".into(),
                value: Some(serde_json::json!(["a"])),
            },
        ]
    }

    #[test]
    fn pieces_come_to_the_whole_and_none_is_larger_than_asked() {
        let whole = Changes::from_operations(&large()).expect("changes");
        for bytes in [700, 1_000, 4_000, 100_000] {
            let pieces = whole.clone().pieces(bytes);
            assert_eq!(pieces.len() > 1, whole.weight() > bytes);
            let mut together = Changes::default();
            for piece in pieces {
                let written = json_bytes(&piece.clone().into_operations());
                assert!(written <= bytes, "{written} of {bytes}");
                together.compose(piece).expect("pieces follow each other");
            }
            assert_eq!(together, whole, "in pieces of {bytes}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_cut_is_a_piece_of_its_own() {
        let value = Some(serde_json::json!("x".repeat(500)));
        let set = |key: &str| Operation::SetNotebookMetadata {
            key: key.into(),
            value: value.clone(),
        };
        let changes = Changes::from_operations(&[set("a"), set("b")]).expect("changes");
        let sizes: Vec<usize> = changes.pieces(100).iter().map(Changes::len).collect();
        assert_eq!(sizes, [1, 1]);
    }
}
