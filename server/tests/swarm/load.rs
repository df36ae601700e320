//! Load: what a keystroke takes to everyone else, what it costs the studio, and what an open room weighs.
//!
//! Measurements, not checks: they run when asked for by name, and mean something in a release build on a quiet machine.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use notebook::wire::{Hear, JoinedState, Say, ToClient, ToServer};
use notebook::{CellId, CellKind, ClientId, Delta, NotebookDoc, Operation, Order};
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::process::{Person, Process};
use crate::tab::{Socket, connect};

const CELLS: usize = 20;

pub struct Load {
    pub writers: usize,
    /// Keystrokes a second of each.
    pub rate: f64,
    pub seconds: u64,
}

/// When each batch was sent.
type Sent = Mutex<HashMap<(String, u64), Instant>>;

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    /// Microseconds from the keystroke to each other tab.
    latencies: Mutex<Vec<u64>>,
}

/// The little that has to be read of a frame here: the studio is measured, not this program.
#[derive(Deserialize)]
struct Glance<'a> {
    hear: &'a str,
    #[serde(default)]
    client: Option<&'a str>,
    #[serde(default)]
    sequence: u64,
    #[serde(default)]
    revision: u64,
}

/// `load.writers` people type in one notebook of twenty cells.
pub async fn keystrokes(load: &Load) {
    let process = Process::start();
    let people = process.people(10).await;
    let notebook = workplace(&people, 1).await.remove(0);
    let (sent, counters) = (Arc::new(Sent::default()), Arc::new(Counters::default()));
    fill(&people[0], &notebook).await;
    let mut writers = tokio::task::JoinSet::new();
    let begin = Instant::now() + Duration::from_secs(2);
    for number in 0..load.writers {
        let (person, notebook) = (people[number % people.len()].clone(), notebook.clone());
        let (sent, counters) = (sent.clone(), counters.clone());
        let interval = Duration::from_secs_f64(1.0 / load.rate);
        let first = begin + interval.mul_f64(number as f64 / load.writers as f64);
        let until = begin + Duration::from_secs(load.seconds);
        let client = format!("load-{number}");
        let (out, from, revision) = seat(&person, &notebook, &client).await;
        writers.spawn(write(
            notebook, client, out, from, revision, sent, counters, first, interval, until,
        ));
    }
    tokio::time::sleep_until(begin.into()).await;
    let (cpu, memory) = (process.cpu(), process.memory());
    while writers.join_next().await.is_some() {}
    let cpu = process.cpu() - cpu;
    let mut latencies = std::mem::take(&mut *counters.latencies.lock().unwrap());
    latencies.sort_unstable();
    let sent = counters.sent.load(Ordering::Relaxed);
    let at = |share: f64| {
        latencies
            .get((latencies.len() as f64 * share) as usize)
            .map_or(f64::NAN, |us| *us as f64 / 1000.0)
    };
    println!(
        "keystrokes: {} writers at {}/s: {sent} sent, {} acknowledged, {:.2} % delivered; to the others p50 {:.1} ms, p99 {:.1} ms, \
         worst {:.1} ms; {:.1} µs of server CPU a delivery; {} KiB resident, {} before",
        load.writers,
        load.rate,
        counters.acknowledged.load(Ordering::Relaxed),
        100.0 * latencies.len() as f64 / (sent * (load.writers as u64 - 1)) as f64,
        at(0.5),
        at(0.99),
        latencies.last().map_or(f64::NAN, |us| *us as f64 / 1000.0),
        cpu.as_secs_f64() * 1e6 / latencies.len() as f64,
        process.memory() / 1024,
        memory / 1024,
    );
}

/// What open rooms of twenty cells weigh, sockets included.
pub async fn rooms(count: usize, further: usize) {
    let process = Process::start();
    let people = process.people(10).await;
    let notebooks = workplace(&people, count + 1).await;
    for notebook in &notebooks {
        fill(&people[0], notebook).await;
    }
    // A first room pays for what all share.
    let mut held = vec![seat(&people[0], &notebooks[count], "load-warm").await];
    let empty = process.memory();
    for (number, notebook) in notebooks[..count].iter().enumerate() {
        held.push(seat(&people[number % 10], notebook, "load-first").await);
    }
    let one = process.memory();
    for (number, notebook) in notebooks[..count].iter().enumerate() {
        for more in 0..further {
            held.push(
                seat(
                    &people[(number + more + 1) % 10],
                    notebook,
                    &format!("load-{number}-{more}"),
                )
                .await,
            );
        }
    }
    let all = process.memory();
    println!(
        "rooms: {count} rooms with one client: {:.1} KB each; {further} further clients in each: {:.1} KB each",
        (one as f64 - empty as f64) / 1000.0 / count as f64,
        (all as f64 - one as f64) / 1000.0 / (count * further) as f64,
    );
}

async fn workplace(people: &[Person], notebooks: usize) -> Vec<String> {
    let space = people[0]
        .create("/api/v1/spaces", &json!({ "name": "Load" }))
        .await;
    let space = space["id"].as_str().unwrap();
    for person in &people[1..] {
        let member = format!("/api/v1/spaces/{space}/members/{}", person.username);
        people[0].put(&member, &json!({ "role": "editor" })).await;
    }
    let mut ids = Vec::new();
    for number in 0..notebooks {
        let new = json!({ "title": format!("Notebook {number}") });
        let notebook = people[0]
            .create(&format!("/api/v1/spaces/{space}/notebooks"), &new)
            .await;
        ids.push(notebook["id"].as_str().unwrap().to_owned());
    }
    ids
}

/// Gives a notebook its cells, each with some text, and leaves it.
async fn fill(person: &Person, notebook: &str) {
    let (mut out, mut from, revision) = seat(person, notebook, "load-fill").await;
    let mut order: Option<Order> = None;
    let operations = (0..CELLS)
        .map(|number| {
            let next = Order::between(order.as_ref(), None);
            order = Some(next.clone());
            Operation::InsertCell {
                cell: cell(number),
                kind: CellKind::Code,
                order: next,
                source: "x = 1  # something of the length that lines have\n".repeat(2),
                metadata: notebook::Map::new(),
                attachments: notebook::Map::new(),
            }
        })
        .collect();
    let client = ClientId::new("load-fill").unwrap();
    say(
        &mut out,
        notebook,
        Say::Submit {
            client,
            sequence: 1,
            base: revision,
            operations,
        },
    )
    .await;
    while !matches!(hear(&mut from).await, Hear::Ack { .. }) {}
}

fn cell(number: usize) -> CellId {
    CellId::new(format!("cell-{number}")).unwrap()
}

type Out = SplitSink<Socket, Message>;
type From = SplitStream<Socket>;

async fn seat(person: &Person, notebook: &str, client: &str) -> (Out, From, u64) {
    let (mut out, mut from) = connect(person).await.expect("the studio answers").split();
    let client = ClientId::new(client).unwrap();
    say(
        &mut out,
        notebook,
        Say::Join {
            client,
            revision: None,
            runs: None,
        },
    )
    .await;
    loop {
        match hear(&mut from).await {
            Hear::Joined(joined) => {
                let JoinedState::Snapshot(snapshot) = joined.state else {
                    panic!("no revision was named")
                };
                let _: &NotebookDoc = &snapshot.document;
                return (out, from, snapshot.revision);
            }
            Hear::Closed { message, .. } => panic!("not let in: {message}"),
            _ => {}
        }
    }
}

async fn say(out: &mut Out, notebook: &str, say: Say) {
    let said = ToServer {
        notebook: notebook.to_owned(),
        say,
    };
    out.send(Message::binary(serde_json::to_vec(&said).unwrap()))
        .await
        .expect("the socket is open");
}

async fn hear(from: &mut From) -> Hear {
    loop {
        match from.next().await {
            Some(Ok(Message::Binary(frame))) => {
                return serde_json::from_slice::<ToClient>(&frame).unwrap().hear;
            }
            Some(Ok(Message::Close(why))) => panic!("the socket was closed: {why:?}"),
            Some(Ok(_)) => {}
            other => panic!("the socket ended: {other:?}"),
        }
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "one task's whole world, built in one place"
)]
async fn write(
    notebook: String,
    client: String,
    mut out: Out,
    mut from: From,
    mut revision: u64,
    sent: Arc<Sent>,
    counters: Arc<Counters>,
    first: Instant,
    interval: Duration,
    until: Instant,
) {
    let id = ClientId::new(client.clone()).unwrap();
    let number: usize = client.trim_start_matches("load-").parse().unwrap();
    let (mut sequence, mut next) = (0, first);
    let mut latencies = Vec::new();
    // Two more seconds for what is under way.
    let end = until + Duration::from_secs(2);
    loop {
        let wake = if next < until { next } else { end };
        tokio::select! {
            () = tokio::time::sleep_until(wake.into()) => {
                if next >= until {
                    break;
                }
                next += interval;
                sequence += 1;
                let operations = vec![Operation::EditSource { cell: cell(number % CELLS), delta: Delta::splice(0, 0, "x") }];
                sent.lock().unwrap().insert((client.clone(), sequence), Instant::now());
                counters.sent.fetch_add(1, Ordering::Relaxed);
                say(&mut out, &notebook, Say::Submit { client: id.clone(), sequence, base: revision, operations }).await;
            }
            message = from.next() => {
                let arrived = Instant::now();
                let frame = match message {
                    Some(Ok(Message::Binary(frame))) => frame,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    other => panic!("{client}: the socket ended: {other:?}"),
                };
                let glance: Glance = serde_json::from_slice(&frame).unwrap();
                match (glance.hear, glance.client) {
                    ("batch", Some(author)) => {
                        revision = glance.revision;
                        let at = sent.lock().unwrap().get(&(author.to_owned(), glance.sequence)).copied();
                        latencies.extend(at.map(|at| u64::try_from((arrived - at).as_micros()).unwrap()));
                    }
                    ("ack", _) => {
                        revision = glance.revision;
                        counters.acknowledged.fetch_add(1, Ordering::Relaxed);
                    }
                    ("refused", _) => panic!("{client}: {}", String::from_utf8_lossy(&frame)),
                    _ => {}
                }
            }
        }
    }
    counters.latencies.lock().unwrap().extend(latencies);
}
