//! Claims about limits.

use serde_json::json;

use super::*;
use crate::{CellKind, Delta};

fn with_cell() -> (NotebookDoc, CellId) {
    let (mut document, id) = (NotebookDoc::default(), CellId::from_random(1));
    let insert = Operation::InsertCell {
        cell: id.clone(),
        kind: CellKind::Code,
        order: document.order_after(None),
        source: String::new(),
        metadata: Map::new(),
        attachments: Map::new(),
    };
    document.apply(&[insert]).unwrap();
    (document, id)
}

#[test]
fn metadata_too_deep_or_too_large_is_refused() {
    let (mut document, cell) = with_cell();
    let set = |value: Value| Operation::SetCellMetadata {
        cell: cell.clone(),
        key: "k".into(),
        value: Some(value),
    };
    let deep = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(document.apply(&[set(deep(33))]), Err(Refused::TooDeep));
    assert!(document.apply(&[set(deep(32))]).is_ok());
    assert!(matches!(
        document.apply(&[set(json!("x".repeat(limits::METADATA_BYTES)))]),
        Err(Refused::TooLarge(_))
    ));
}

#[test]
fn a_full_notebook_can_be_read_and_emptied() {
    let (mut document, cell) = with_cell();
    let chunk = "x".repeat(limits::BATCH_BYTES / 2);
    let add = Operation::EditSource {
        cell: cell.clone(),
        delta: Delta::splice(0, 0, &chunk),
    };
    for _ in 0..limits::DOCUMENT_BYTES / chunk.len() {
        document.apply(std::slice::from_ref(&add)).unwrap();
    }
    assert_eq!(document.apply(&[add]), Err(Refused::Full));
    assert!(
        document
            .apply(&[Operation::EditSource {
                cell,
                delta: Delta::splice(0, 10, "")
            }])
            .is_ok()
    );
    assert_eq!(document.source_bytes(), limits::DOCUMENT_BYTES - 10);
}

#[test]
fn a_batch_applies_whole_or_not_at_all() {
    let (mut document, cell) = with_cell();
    let before = document.clone();
    let batch = [
        Operation::SetKind {
            cell: cell.clone(),
            kind: CellKind::Raw,
        },
        Operation::EditSource {
            cell,
            delta: Delta::splice(9, 0, "x"),
        },
    ];
    assert!(document.apply(&batch).is_err());
    assert_eq!(document, before);
}

#[test]
fn a_carriage_return_gets_into_no_text_and_what_is_there_can_go() {
    let (mut document, cell) = with_cell();
    let before = document.clone();
    let edit = |delta: Delta| Operation::EditSource {
        cell: cell.clone(),
        delta,
    };
    let other = CellId::from_random(2);
    let insert = |source: &str| Operation::InsertCell {
        cell: other.clone(),
        kind: CellKind::Code,
        order: before.order_after(None),
        source: source.to_owned(),
        metadata: Map::new(),
        attachments: Map::new(),
    };
    for text in ["\r", "a\r\nb", "a\rb"] {
        assert_eq!(
            document.apply(&[edit(Delta::splice(0, 0, text))]),
            Err(Refused::LineEnd(cell.clone()))
        );
        assert_eq!(
            document.apply(&[edit(Delta::splice(0, 0, "x")), insert(text)]),
            Err(Refused::LineEnd(other.clone()))
        );
    }
    assert_eq!(document, before);
    // In the log of an older studio it is as it was.
    document
        .replay(&[edit(Delta::splice(0, 0, "a\r\nb\rc"))])
        .unwrap();
    document.apply(&[edit(Delta::splice(1, 1, ""))]).unwrap();
    assert_eq!(document.cell(&cell).unwrap().source, "a\nb\rc");
    let mended = [insert("a\r\nb\rc"), edit(Delta::splice(3, 1, "\r\n"))];
    document
        .apply(&mended.map(Operation::with_line_feeds))
        .unwrap();
    assert_eq!(document.cell(&other).unwrap().source, "a\nb\nc");
    assert_eq!(document.cell(&cell).unwrap().source, "a\nb\nc");
}
