//! Claims about a person's own view that the simulation does not make.

use super::*;
use crate::{Cell, CellKind, Delta, Map, Order};

fn client() -> (Client, CellId) {
    let (mut document, id) = (NotebookDoc::default(), CellId::from_random(1));
    let cell = Cell {
        kind: CellKind::Code,
        source: "ab".to_owned(),
        order: Order::between(None, None),
        metadata: Map::new(),
        attachments: Map::new(),
        extra: Map::new(),
        deleted: false,
    };
    document.put_cell(id.clone(), cell);
    (
        Client::new(
            ClientId::new("me").unwrap(),
            Snapshot {
                revision: 0,
                document,
            },
        ),
        id,
    )
}

fn key(cell: &CellId, at: u32, text: &str) -> Vec<Operation> {
    vec![Operation::EditSource {
        cell: cell.clone(),
        delta: Delta::splice(at, 0, text),
    }]
}

fn theirs(revision: u64, operations: Vec<Operation>) -> Accepted {
    Accepted {
        revision,
        client: ClientId::new("them").unwrap(),
        sequence: revision,
        operations,
    }
}

#[test]
fn typing_is_one_step_until_a_pause_and_undo_leaves_others_alone() {
    let (mut me, cell) = client();
    me.edit(key(&cell, 2, "c"), 0.0).unwrap();
    me.edit(key(&cell, 3, "d"), 900.0).unwrap();
    me.edit(key(&cell, 4, "e"), 2_500.0).unwrap();
    me.receive(theirs(1, key(&cell, 0, "Z"))).unwrap();
    let text = |me: &Client| me.document().cell(&cell).unwrap().source.clone();
    assert_eq!(text(&me), "Zabcde");
    assert_eq!(
        me.undo(),
        Some(vec![Change::Source {
            cell: cell.clone(),
            delta: Delta::splice(5, 1, "")
        }])
    );
    me.undo().unwrap();
    assert_eq!((text(&me).as_str(), me.can_undo()), ("Zab", false));
    me.redo().unwrap();
    assert_eq!(text(&me), "Zabcd");
}

#[test]
fn a_cell_deleted_under_the_typist_is_told_and_keeps_the_text() {
    let (mut me, cell) = client();
    me.edit(key(&cell, 2, "c"), 0.0).unwrap();
    let told = me
        .receive(theirs(
            1,
            vec![Operation::DeleteCell { cell: cell.clone() }],
        ))
        .unwrap();
    assert_eq!(
        told,
        [
            Change::Cells,
            Change::DeletedUnderYou { cell: cell.clone() }
        ]
    );
    me.edit(vec![Operation::RestoreCell { cell: cell.clone() }], 10.0)
        .unwrap();
    assert_eq!(me.document().cells()[0].1.source, "abc");
}

#[test]
fn a_hole_in_the_log_is_an_error_and_a_known_batch_is_nothing() {
    let (mut me, cell) = client();
    assert_eq!(me.receive(theirs(2, key(&cell, 0, "x"))), Err(Refused::Gap));
    me.receive(theirs(1, key(&cell, 0, "x"))).unwrap();
    assert_eq!(me.receive(theirs(1, key(&cell, 0, "x"))), Ok(Vec::new()));
}
