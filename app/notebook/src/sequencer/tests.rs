//! Claims about the sequencer.

use super::*;
use crate::{Cell, CellId, CellKind, Delta, Map, Order};

fn one_cell(text: &str) -> Sequencer {
    let mut document = NotebookDoc::default();
    let cell = Cell {
        kind: CellKind::Code,
        source: text.to_owned(),
        order: Order::between(None, None),
        metadata: Map::new(),
        attachments: Map::new(),
        extra: Map::new(),
        deleted: false,
    };
    document.put_cell(CellId::from_random(1), cell);
    Sequencer::open(
        Snapshot {
            revision: 7,
            document,
        },
        Vec::new(),
    )
    .unwrap()
}

fn typing(client: &str, sequence: u64, base: u64, at: u32, text: &str) -> Submission {
    let edit = Operation::EditSource {
        cell: CellId::from_random(1),
        delta: Delta::splice(at, 0, text),
    };
    Submission {
        client: ClientId::new(client).unwrap(),
        sequence,
        base,
        operations: vec![edit],
    }
}

const EDIT: Rights = Rights { edit: true };

fn text(sequencer: &Sequencer) -> &str {
    &sequencer
        .document()
        .cell(&CellId::from_random(1))
        .unwrap()
        .source
}

#[test]
fn a_late_batch_is_transformed_and_a_resend_is_harmless() {
    let mut room = one_cell("ab");
    let first = room
        .submit(typing("x", 1, 7, 1, "X"), EDIT)
        .unwrap()
        .unwrap();
    let second = room
        .submit(typing("y", 1, 7, 2, "Y"), EDIT)
        .unwrap()
        .unwrap();
    assert_eq!(text(&room), "aXbY");
    assert_eq!(room.submit(typing("y", 1, 7, 2, "Y"), EDIT), Ok(None));
    assert_eq!(
        room.submit(typing("y", 3, 9, 0, "!"), EDIT),
        Err(Refused::Gap)
    );
    assert_eq!(room.since(8), Some(vec![second.clone()]));
    let reopened = Sequencer::open(one_cell("ab").snapshot(), vec![first, second]).unwrap();
    assert_eq!(reopened.document(), room.document());
    assert_eq!(reopened.received(&ClientId::new("y").unwrap()), 1);
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let mut room = one_cell("😀");
    let before = room.snapshot();
    assert!(matches!(
        room.submit(typing("x", 1, 7, 1, "X"), EDIT),
        Err(Refused::OutOfRange(_))
    ));
    assert!(matches!(
        room.submit(typing("x", 1, 7, 3, "X"), EDIT),
        Err(Refused::OutOfRange(_))
    ));
    assert_eq!(
        room.submit(typing("x", 1, 8, 0, "X"), EDIT),
        Err(Refused::Resync)
    );
    assert_eq!(
        room.submit(typing("x", 1, 6, 0, "X"), EDIT),
        Err(Refused::Resync)
    );
    assert_eq!(
        room.submit(typing("x", 1, 7, 0, "X"), Rights::default()),
        Err(Refused::ReadOnly)
    );
    let mut stranger = typing("x", 1, 7, 0, "X");
    stranger.operations.push(Operation::DeleteCell {
        cell: CellId::from_random(9),
    });
    assert!(matches!(
        room.submit(stranger, EDIT),
        Err(Refused::NoSuchCell(_))
    ));
    assert_eq!(room.snapshot(), before);
}

#[test]
fn a_forgotten_window_asks_for_a_snapshot_but_remembers_its_clients() {
    let mut room = one_cell("");
    for sequence in 1..=5 {
        room.submit(typing("x", sequence, 6 + sequence, 0, "a"), EDIT)
            .unwrap();
    }
    room.forget_before(10);
    assert_eq!(
        (
            room.window(),
            room.since(9),
            room.since(10).map(|batches| batches.len())
        ),
        (2, None, Some(2))
    );
    assert_eq!(
        room.submit(typing("y", 1, 9, 0, "b"), EDIT),
        Err(Refused::Resync)
    );
    assert_eq!(room.submit(typing("x", 5, 11, 0, "a"), EDIT), Ok(None));
}

#[test]
fn a_carriage_return_is_refused_and_one_in_the_log_is_not() {
    let mut room = one_cell("ab");
    let before = room.snapshot();
    let cell = CellId::from_random(1);
    assert_eq!(
        room.submit(typing("x", 1, 7, 1, "\r\n"), EDIT),
        Err(Refused::LineEnd(cell))
    );
    assert_eq!(room.snapshot(), before);
    let old = typing("x", 1, 7, 1, "\r\n");
    let log = vec![Accepted {
        revision: 8,
        client: old.client,
        sequence: 1,
        operations: old.operations,
    }];
    let mut room = Sequencer::open(before, log).unwrap();
    assert_eq!(text(&room), "a\r\nb");
    assert!(room.submit(typing("x", 2, 8, 1, "\n"), EDIT).is_ok());
}
