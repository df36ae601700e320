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
