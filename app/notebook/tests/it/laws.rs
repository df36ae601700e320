//! Laws of batches.

use notebook::{Cell, CellId, CellKind, Delta, Map, NotebookDoc, Operation, Order, transform};
use serde_json::json;

use crate::random::Random;

/// A document of a few cells, one of them deleted.
pub fn document(random: &mut Random) -> NotebookDoc {
    let mut document = NotebookDoc::default();
    document.metadata.insert("title".into(), json!("t"));
    for (at, order) in (0..1 + random.below(4)).zip(Order::row(4)) {
        let mut metadata = Map::new();
        metadata.insert("k0".into(), json!(at));
        let cell = Cell {
            kind: CellKind::Code,
            source: ["", "abc", "e\u{301}😀x\n", "print('👩\u{200d}👧')"][random.below(4)]
                .to_owned(),
            order,
            metadata,
            attachments: Map::new(),
            extra: Map::new(),
            deleted: random.once_in(4),
        };
        document.put_cell(CellId::from_random(at as u64), cell);
    }
    document
}

/// A place between two characters of a text, in UTF-16 units, and one behind it.
pub fn span(random: &mut Random, text: &str) -> (u32, u32) {
    let ends: Vec<u32> = std::iter::once(0)
        .chain(text.chars().scan(0, |at, c| {
            *at += c.len_utf16() as u32;
            Some(*at)
        }))
        .collect();
    let start = random.below(ends.len());
    let end = (start + [0, 0, 1, 3][random.below(4)]).min(ends.len() - 1);
    (ends[start], ends[end] - ends[start])
}

/// An operation that fits the document. `fresh` makes ids of new cells.
pub fn operation(random: &mut Random, document: &NotebookDoc, fresh: &mut u64) -> Operation {
    let ids: Vec<CellId> = document.every_cell().map(|(id, _)| id.clone()).collect();
    let key = ["k0", "k1", "k2"][random.below(3)].to_owned();
    let value = match random.below(6) {
        0 | 1 => None,
        2 => Some(serde_json::Value::Null),
        _ => Some(json!({"v": random.below(100)})),
    };
    let Some(cell) = random.pick(&ids).cloned() else {
        return insert(random, document, None, fresh);
    };
    match random.below(20) {
        0 | 1 => insert(random, document, Some(&cell), fresh),
        2 => Operation::DeleteCell { cell },
        3 => Operation::RestoreCell { cell },
        4 => {
            let to = random.pick(&ids).cloned();
            Operation::MoveCell {
                cell,
                order: document.order_after(to.as_ref()),
            }
        }
        5 => Operation::SetKind {
            cell,
            kind: [CellKind::Code, CellKind::Markdown, CellKind::Raw][random.below(3)],
        },
        6 | 7 => Operation::SetCellMetadata { cell, key, value },
        8 => Operation::SetAttachment {
            cell,
            name: key,
            value,
        },
        9 => Operation::SetNotebookMetadata { key, value },
        _ => {
            let source = document
                .cell(&cell)
                .map(|cell| cell.source.clone())
                .unwrap_or_default();
            let (at, delete) = span(random, &source);
            let text = ["", "a", "😀", "\u{301}", "\nxy", "ab"][random.below(6)];
            Operation::EditSource {
                cell,
                delta: Delta::splice(at, delete, text),
            }
        }
    }
}

fn insert(
    random: &mut Random,
    document: &NotebookDoc,
    after: Option<&CellId>,
    fresh: &mut u64,
) -> Operation {
    *fresh += 1;
    Operation::InsertCell {
        cell: CellId::from_random(*fresh),
        kind: CellKind::Markdown,
        order: document.order_after(after),
        source: ["", "new 😀"][random.below(2)].to_owned(),
        metadata: Map::new(),
        attachments: Map::new(),
    }
}

/// A batch made on the document, operation by operation.
fn batch(random: &mut Random, document: &NotebookDoc, fresh: &mut u64) -> Vec<Operation> {
    let mut document = document.clone();
    let mut batch = Vec::new();
    for _ in 0..random.below(6) {
        let operation = operation(random, &document, fresh);
        document.apply(std::slice::from_ref(&operation)).unwrap();
        batch.push(operation);
    }
    batch
}

fn after(document: &NotebookDoc, batches: &[&[Operation]]) -> NotebookDoc {
    let mut document = document.clone();
    for batch in batches {
        document
            .apply(batch)
            .unwrap_or_else(|why| panic!("{why}: {batch:?}"));
    }
    document
}

#[test]
fn both_orders_of_two_batches_meet() {
    for seed in 0..20_000 {
        let mut random = Random::new(seed);
        let base = document(&mut random);
        let first = batch(&mut random, &base, &mut 1_000);
        // Sometimes the same id is inserted on both sides.
        let mut fresh = if seed % 3 == 0 { 1_000 } else { 2_000 };
        let second = batch(&mut random, &base, &mut fresh);
        let (first_after, second_after) = transform(&first, &second);
        let left = after(&base, &[&first, &second_after]);
        let right = after(&base, &[&second, &first_after]);
        assert_eq!(left, right, "seed {seed}\n{first:?}\n{second:?}");
    }
}

#[test]
fn a_batch_at_once_is_its_operations_one_by_one() {
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let base = document(&mut random);
        let batch = batch(&mut random, &base, &mut 1_000);
        let one_by_one: Vec<&[Operation]> = batch.iter().map(std::slice::from_ref).collect();
        assert_eq!(
            after(&base, &[&batch]),
            after(&base, &one_by_one),
            "seed {seed}\n{batch:?}"
        );
    }
}

#[test]
fn an_inverted_operation_undoes() {
    for seed in 0..5_000 {
        let mut random = Random::new(seed);
        let base = document(&mut random);
        let operation = operation(&mut random, &base, &mut 1_000);
        let inverse = base.invert(&operation).unwrap();
        let undone = after(&base, &[std::slice::from_ref(&operation), &[inverse]]);
        if let Operation::InsertCell { cell, .. } = &operation {
            // An inserted cell stays as a tombstone.
            assert!(undone.cell(cell).is_some_and(|cell| cell.deleted));
            assert_eq!(undone.cells().len(), base.cells().len());
        } else {
            assert_eq!(undone, base, "seed {seed}\n{operation:?}");
        }
    }
}

#[test]
fn a_stored_document_is_the_same_document() {
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let base = document(&mut random);
        let batch = batch(&mut random, &base, &mut 1_000);
        let changed = after(&base, &[&batch]);
        let stored = serde_json::to_vec(&changed).unwrap();
        assert_eq!(
            serde_json::from_slice::<NotebookDoc>(&stored).unwrap(),
            changed
        );
        let wire = serde_json::to_vec(&batch).unwrap();
        assert_eq!(
            serde_json::from_slice::<Vec<Operation>>(&wire).unwrap(),
            batch
        );
    }
}
