//! What one keystroke costs in a notebook of a thousand cells: sequenced on the server, received by a tab.
//! `cargo run --release -p notebook --example keystroke`

use std::time::Instant;

use notebook::{
    Cell, CellId, CellKind, Client, ClientId, Delta, Map, NotebookDoc, Operation, Order, Rights,
    Sequencer, Snapshot, Submission,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut document = NotebookDoc::default();
    for (at, order) in (0..1_000).zip(Order::row(1_000)) {
        let source = "x = compute(1)\n".repeat(20);
        let cell = Cell {
            kind: CellKind::Code,
            source,
            order,
            metadata: Map::new(),
            attachments: Map::new(),
            extra: Map::new(),
            deleted: false,
        };
        document.put_cell(CellId::from_random(at), cell);
    }
    let snapshot = Snapshot {
        revision: 0,
        document,
    };
    let (writer, reader) = (
        ClientId::new("writer").ok_or("id")?,
        ClientId::new("reader").ok_or("id")?,
    );
    let mut room = Sequencer::open(snapshot.clone(), Vec::new())?;
    let mut tab = Client::new(reader, snapshot);
    const KEYS: u64 = 20_000;
    let mut log = Vec::new();
    let start = Instant::now();
    for sequence in 1..=KEYS {
        let edit = Operation::EditSource {
            cell: CellId::from_random(500),
            delta: Delta::splice(sequence as u32 % 100, 0, "k"),
        };
        // Each key is made eight revisions ago, as when eight others type.
        let submission = Submission {
            client: writer.clone(),
            sequence,
            base: (sequence - 1).saturating_sub(8),
            operations: vec![edit],
        };
        log.extend(room.submit(submission, Rights { edit: true })?);
    }
    let sequenced = start.elapsed();
    tab.edit(
        vec![Operation::EditSource {
            cell: CellId::from_random(500),
            delta: Delta::splice(3, 0, "mine"),
        }],
        0.0,
    )?;
    let start = Instant::now();
    for batch in log {
        tab.receive(batch)?;
    }
    let received = start.elapsed();
    let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / KEYS as f64;
    println!(
        "sequence: {:.2} µs a key, over eight late batches; receive: {:.2} µs a key",
        micros(sequenced),
        micros(received)
    );
    Ok(())
}
