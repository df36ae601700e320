//! Claims about a person's own view that the simulation does not make.

use super::*;
use crate::{Cell, CellKind, Delta, Map, Order, Rights, Sequencer, wire};

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
fn what_an_old_text_ended_its_lines_with_is_not_sent_again_by_an_undo() {
    let (mut me, cell) = client();
    me.receive(theirs(1, key(&cell, 1, "\r\n"))).unwrap();
    assert_eq!(
        me.edit(key(&cell, 0, "x\r"), 0.0),
        Err(Refused::LineEnd(cell.clone()))
    );
    let whole = Operation::EditSource {
        cell: cell.clone(),
        delta: Delta::splice(0, 4, ""),
    };
    me.edit(vec![whole], 0.0).unwrap();
    me.undo().unwrap();
    assert_eq!(me.document().cell(&cell).unwrap().source, "a\nb");
    me.redo().unwrap();
    assert_eq!(me.document().cell(&cell).unwrap().source, "");
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

fn insert(id: u64, order: Order) -> Operation {
    Operation::InsertCell {
        cell: CellId::from_random(id),
        kind: CellKind::Code,
        order,
        source: String::new(),
        metadata: Map::new(),
        attachments: Map::new(),
    }
}

/// Sends everything there is, each batch as the frame a socket carries, until all of it is acknowledged.
fn send_all(me: &mut Client, room: &mut Sequencer) {
    while let Some(submission) = me.outgoing() {
        let sequence = submission.sequence;
        let frame = serde_json::to_vec(&wire::ToServer {
            notebook: "nb_1".to_owned(),
            say: wire::Say::Submit {
                client: submission.client,
                sequence,
                base: submission.base,
                operations: submission.operations,
            },
        })
        .unwrap();
        assert!(frame.len() <= 256 * 1024, "{} bytes", frame.len());
        let wire::Say::Submit {
            client,
            sequence,
            base,
            operations,
        } = wire::decode(&frame).unwrap().say
        else {
            panic!("another message")
        };
        let accepted = room.submit(
            Submission {
                client,
                sequence,
                base,
                operations,
            },
            Rights { edit: true },
        );
        me.acknowledged(sequence, accepted.unwrap().unwrap().revision);
    }
    assert_eq!(me.unacknowledged(), 0);
    assert_eq!(me.document(), room.document());
}

#[test]
fn thousands_of_cells_fit_into_one_gap_one_by_one() {
    for always_first in [true, false] {
        let (mut me, first) = client();
        me.edit(
            vec![insert(
                2,
                Order::between(Some(&me.document().cells[&first].order), None),
            )],
            0.0,
        )
        .unwrap();
        let mut room = Sequencer::open(
            Snapshot {
                revision: 0,
                document: me.base.document.clone(),
            },
            Vec::new(),
        )
        .unwrap();
        // Right behind the first cell each time, or each behind the one before it: both halve what is left of one gap.
        let mut expected = vec![first.clone(), CellId::from_random(2)];
        let mut after = first;
        for id in 3..if always_first { 2_003 } else { 1_503 } {
            let order = me.document().order_after(Some(&after));
            me.edit(vec![insert(id, order)], 0.0).unwrap();
            let at = if always_first { 1 } else { expected.len() - 1 };
            expected.insert(at, CellId::from_random(id));
            if !always_first {
                after = CellId::from_random(id);
            }
        }
        send_all(&mut me, &mut room);
        let ids: Vec<CellId> = me
            .document()
            .cells()
            .into_iter()
            .map(|(id, _)| id.clone())
            .collect();
        assert_eq!(ids, expected);
        assert!(
            me.document()
                .cells
                .values()
                .all(|cell| !cell.order.is_too_long())
        );
    }
}

#[test]
fn moving_cells_apart_keeps_their_order_and_is_undone_with_the_edit() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % limit
    };
    for _ in 0..200 {
        let (mut me, _) = client();
        // Keys of all lengths, some of them twice, crowded together in a few places.
        let mut keys = vec![Order::between(None, None)];
        for id in 2..2 + below(40) as u64 {
            let low = keys[below(keys.len())].clone();
            let high = keys.iter().filter(|key| **key > low).min();
            let mut key = Order::between(Some(&low), high);
            for _ in 0..below(900) {
                let next = Order::between(Some(&low), Some(&key));
                if next.is_too_long() {
                    break;
                }
                key = next;
            }
            keys.push(key.clone());
            let key = if below(5) == 0 { low } else { key };
            me.edit(vec![insert(id, key)], 0.0).unwrap();
        }
        let before = me.document().clone();
        let row = |me: &Client| -> Vec<CellId> {
            me.document()
                .cells()
                .into_iter()
                .map(|(id, _)| id.clone())
                .collect()
        };
        let (mut expected, count) = (row(&me), 1 + below(30));
        let at = below(expected.len());
        let mut key = before.order_after(Some(&expected[at]));
        while !key.is_too_long() {
            key = Order::between(Some(&before.cells[&expected[at]].order), Some(&key));
        }
        // Cells of one key have no place between them: what goes behind one of them goes behind all.
        let behind = expected
            .iter()
            .rposition(|id| before.cells[id].order == before.cells[&expected[at]].order)
            .unwrap();
        let mut batch = Vec::new();
        for new in 0..count as u64 {
            batch.push(insert(1_000 + new, key.clone()));
            expected.insert(behind + 1 + new as usize, CellId::from_random(1_000 + new));
        }
        me.edit(batch, 10_000.0).unwrap();
        assert_eq!(row(&me), expected);
        assert!(
            me.document()
                .cells
                .values()
                .all(|cell| !cell.order.is_too_long())
        );
        me.undo().unwrap();
        expected.retain(|id| before.cell(id).is_some());
        assert_eq!(row(&me), expected);
        for (id, cell) in &before.cells {
            assert_eq!(me.document().cells[id].order, cell.order);
        }
    }
}

#[test]
fn what_the_studio_would_not_take_is_refused_here() {
    let (mut me, cell) = client();
    let mut long = Order::between(None, None);
    while !long.is_too_long() {
        long = Order::between(
            Some(&Order::between(None, None)),
            Some(&long).filter(|long| **long > Order::between(None, None)),
        );
    }
    let move_there = [Operation::MoveCell {
        cell: cell.clone(),
        order: long,
    }];
    let mut document = me.document().clone();
    assert!(matches!(
        document.apply(&move_there),
        Err(Refused::TooLarge(_))
    ));
    let attach = vec![Operation::SetAttachment {
        cell: cell.clone(),
        name: "n".repeat(300 * 1024),
        value: None,
    }];
    assert!(matches!(me.edit(attach, 0.0), Err(Refused::TooLarge(_))));
    assert_eq!(me.unacknowledged(), 0);
}

#[test]
fn a_null_is_a_value_on_both_sides() {
    let (mut me, cell) = client();
    let mut room = Sequencer::open(me.base.clone(), Vec::new()).unwrap();
    let set = |value: Option<serde_json::Value>| Operation::SetCellMetadata {
        cell: cell.clone(),
        key: "k".to_owned(),
        value,
    };
    me.edit(vec![set(Some(serde_json::Value::Null))], 0.0)
        .unwrap();
    send_all(&mut me, &mut room);
    assert!(
        room.document()
            .cell(&cell)
            .unwrap()
            .metadata
            .contains_key("k")
    );
    me.edit(vec![set(None)], 5_000.0).unwrap();
    me.undo().unwrap();
    send_all(&mut me, &mut room);
    assert!(
        room.document()
            .cell(&cell)
            .unwrap()
            .metadata
            .contains_key("k")
    );
}

#[test]
fn kept_work_of_any_size_gets_in_after_a_crash() {
    let (me, cell) = client();
    let large = "π \"quoted\"\n".repeat(200_000);
    let batch = |sequence: u64, text: &str| Submission {
        client: me.id.clone(),
        sequence,
        base: 0,
        operations: key(&cell, 0, text),
    };
    for (in_flight, connected) in [(&*large, true), ("small", true), (&*large, false)] {
        for pending in [&*large, "small"] {
            let saved = Saved {
                client: me.id.clone(),
                base: me.base.clone(),
                in_flight: Some(batch(1, in_flight)),
                queued: vec![batch(2, "queued"), batch(3, &large)],
                pending: key(&cell, 0, pending),
                next_sequence: 4,
                connected,
            };
            let mut room = Sequencer::open(me.base.clone(), Vec::new()).unwrap();
            let mut restored = Client::restore(saved).unwrap();
            let since = wire::JoinedState::Since(Vec::new());
            restored.joined(since, 0).unwrap();
            restored.queue[0].sent = false;
            send_all(&mut restored, &mut room);
            let source = &room.document().cell(&cell).unwrap().source;
            assert_eq!(*source, format!("{pending}{large}queued{in_flight}ab"));
        }
    }
}

#[test]
fn kept_work_that_may_be_in_the_log_stays_in_its_batch() {
    let (mut me, cell) = client();
    let text = "x".repeat(300 * 1024);
    me.edit(key(&cell, 0, "a"), 0.0).unwrap();
    let mut saved = me.save();
    saved.pending = key(&cell, 0, &text);
    let restored = Client::restore(saved).unwrap();
    assert_eq!(
        restored.queue.len(),
        1,
        "it was connected: it may have been sent"
    );
}

#[test]
fn behind_a_hole_nothing_goes_out_until_the_answer_to_the_join() {
    let (mut me, cell) = client();
    me.edit(key(&cell, 0, "a"), 0.0).unwrap();
    assert_eq!(me.receive(theirs(2, key(&cell, 0, "x"))), Err(Refused::Gap));
    assert_eq!((me.outgoing(), me.resend(0)), (None, None));
    // The one that was overtaken comes after all: the answer to the join knows it already.
    assert_eq!(me.receive(theirs(1, key(&cell, 0, "y"))), Ok(Vec::new()));
    assert_eq!(me.revision(), 0);
    let mut room = Sequencer::open(me.base.clone(), Vec::new()).unwrap();
    for (sequence, text) in [(1, "y"), (2, "x")] {
        let submission = Submission {
            client: ClientId::new("them").unwrap(),
            sequence,
            base: sequence - 1,
            operations: key(&cell, 0, text),
        };
        room.submit(submission, Rights { edit: true }).unwrap();
    }
    let answer = wire::JoinedState::Snapshot(room.snapshot());
    me.joined(answer, 0).unwrap();
    send_all(&mut me, &mut room);
}

#[test]
fn what_is_typed_before_the_join_is_not_taken_for_what_the_studio_has() {
    let (me, cell) = client();
    let mut saved = me.save();
    saved.connected = false;
    saved.pending = key(&cell, 0, "a");
    let mut restored = Client::restore(saved).unwrap().in_pieces_of(200);
    restored.edit(key(&cell, 0, &"¤".repeat(500)), 0.0).unwrap();
    // An earlier life of this tab sent three batches that its last save knew nothing of.
    restored
        .joined(wire::JoinedState::Since(Vec::new()), 3)
        .unwrap();
    assert_eq!(restored.outgoing().map(|first| first.sequence), Some(4));
    let kept = serde_json::to_string(&restored.save()).unwrap();
    assert_eq!(kept.matches('¤').count(), 500, "nothing was dropped");
}
