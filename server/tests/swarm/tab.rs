//! One tab: the engine's client over a real socket, typing tokens, losing its connection, crashing and coming back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use notebook::wire::{Hear, JoinedState, Say, ToClient, ToServer};
use notebook::{
    Cell, CellId, CellKind, Client, ClientId, Delta, NotebookDoc, Operation, Saved, Submission,
    utf16_len,
};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::dice::Dice;
use crate::process::Person;

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Type,
    /// Type no more; wait until all of yours is durable.
    Flush,
    /// Wait until you have this revision, then tell.
    End {
        revision: u64,
    },
}

/// What the swarm watches while it runs.
#[derive(Default)]
pub struct Progress {
    acknowledged: AtomicU64,
    flushed: AtomicUsize,
    changed: Notify,
}

/// What a tab has to tell at the end.
pub struct Told {
    pub number: usize,
    pub typed: Vec<String>,
    pub acknowledged: Vec<String>,
    pub document: NotebookDoc,
    pub joins: u64,
    pub reloads: u64,
}

pub struct Tab {
    number: usize,
    person: Person,
    notebook: String,
    dice: Dice,
    phase: watch::Receiver<Phase>,
    progress: Arc<Progress>,
    client: Option<Client>,
    own: CellId,
    typed: Vec<String>,
    acknowledged: Vec<String>,
    /// What went out under which sequence and is not acknowledged.
    sent: Vec<(u64, Vec<String>)>,
    flushed: bool,
    joins: u64,
    reloads: u64,
}

enum Lost {
    /// The connection ended; try again.
    Connection,
    /// All done.
    Done,
}

impl Progress {
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub fn flushed(&self) -> usize {
        self.flushed.load(Ordering::Relaxed)
    }

    /// Something may have changed, or some time has passed.
    pub async fn changed(&self) {
        let _ = timeout(Duration::from_millis(100), self.changed.notified()).await;
    }
}

impl Tab {
    pub fn new(
        number: usize,
        person: Person,
        notebook: String,
        seed: u64,
        phase: watch::Receiver<Phase>,
        progress: Arc<Progress>,
    ) -> Self {
        let own = CellId::new(format!("own-{number}")).unwrap();
        Self {
            number,
            person,
            notebook,
            dice: Dice::new(seed, number as u64),
            phase,
            progress,
            client: None,
            own,
            typed: Vec::new(),
            acknowledged: Vec::new(),
            sent: Vec::new(),
            flushed: false,
            joins: 0,
            reloads: 0,
        }
    }

    pub async fn live(mut self) -> Told {
        loop {
            let Some(socket) = connect(&self.person).await else {
                sleep(Duration::from_millis(20 + self.dice.below(80))).await;
                continue;
            };
            match self.work(socket).await {
                Lost::Done => break,
                Lost::Connection => self.maybe_crash(),
            }
        }
        let document = self.client.as_ref().unwrap().document().clone();
        let Self {
            number,
            typed,
            acknowledged,
            joins,
            reloads,
            ..
        } = self;
        Told {
            number,
            typed,
            acknowledged,
            document,
            joins,
            reloads,
        }
    }

    /// Sometimes the tab crashes with the connection, and comes back with what it had kept.
    fn maybe_crash(&mut self) {
        if self.dice.below(5) == 0
            && let Some(client) = self.client.take()
        {
            let kept = serde_json::to_string(&client.save()).unwrap();
            let saved: Saved = serde_json::from_str(&kept).unwrap();
            self.client = Some(Client::restore(saved).unwrap());
            self.reloads += 1;
        }
    }

    /// Until the connection is lost, or everything is done.
    async fn work(&mut self, mut socket: Socket) -> Lost {
        let id = self.client.as_ref().map(|client| client.id().clone());
        let client = id.unwrap_or_else(|| ClientId::new(format!("swarm-{}", self.number)).unwrap());
        let revision = self.client.as_ref().map(Client::revision);
        if self
            .say(
                &mut socket,
                Say::Join {
                    client,
                    revision,
                    runs: None,
                },
            )
            .await
            .is_err()
        {
            return Lost::Connection;
        }
        let mut next_key = Instant::now() + self.pause();
        let mut seated = false;
        loop {
            if seated && self.is_done() {
                return Lost::Done;
            }
            tokio::select! {
                message = socket.next() => {
                    let Some(Ok(message)) = message else { return Lost::Connection };
                    let Message::Binary(frame) = message else { continue };
                    let heard: ToClient = serde_json::from_slice(&frame).unwrap();
                    match self.hear(heard.hear) {
                        Heard::Nothing => {}
                        Heard::Seated(resend) => {
                            seated = true;
                            if let Some(submission) = resend
                                && self.submit(&mut socket, submission).await.is_err()
                            {
                                return Lost::Connection;
                            }
                        }
                        Heard::Again => return Lost::Connection,
                    }
                }
                () = sleep_until(next_key), if seated => {
                    next_key = Instant::now() + self.pause();
                    if *self.phase.borrow() == Phase::Type {
                        self.key();
                    }
                }
                _ = self.phase.changed() => {}
            }
            if seated
                && let Some(submission) = self.client.as_mut().unwrap().outgoing()
                && self.submit(&mut socket, submission).await.is_err()
            {
                return Lost::Connection;
            }
        }
    }

    fn pause(&mut self) -> Duration {
        Duration::from_millis(40 + self.dice.below(160))
    }

    /// Types the next token: in the tab's own cell, or between two tokens of the first cell, which all share.
    fn key(&mut self) {
        let client = self.client.as_mut().unwrap();
        let mut operations = Vec::new();
        let cells: Vec<(CellId, Cell)> = client
            .document()
            .cells()
            .into_iter()
            .map(|(id, cell)| (id.clone(), cell.clone()))
            .collect();
        let own = cells.iter().find(|(id, _)| *id == self.own);
        if own.is_none() {
            let last = cells.last().map(|(id, _)| id);
            operations.push(Operation::InsertCell {
                cell: self.own.clone(),
                kind: CellKind::Code,
                order: client.document().order_after(last),
                source: String::new(),
                metadata: notebook::Map::new(),
                attachments: notebook::Map::new(),
            });
        }
        let token = format!("c{}-{:06};", self.number, self.typed.len());
        let shared = cells
            .iter()
            .find(|(id, _)| !id.as_str().starts_with("own-"))
            .expect("there is a first cell");
        let (cell, source) = if self.dice.below(2) == 0 {
            (self.own.clone(), own.map_or("", |(_, cell)| &cell.source))
        } else {
            (shared.0.clone(), shared.1.source.as_str())
        };
        let ends: Vec<usize> = source.match_indices(';').map(|(at, _)| at + 1).collect();
        let at = match self.dice.below(ends.len() as u64 + 1) {
            0 => 0,
            end => ends[end as usize - 1],
        };
        let delta = Delta::splice(utf16_len(&source[..at]), 0, &token);
        operations.push(Operation::EditSource { cell, delta });
        client
            .edit(operations, self.typed.len() as f64 * 100.0)
            .unwrap();
        self.typed.push(token);
    }

    fn hear(&mut self, hear: Hear) -> Heard {
        match hear {
            Hear::Joined(joined) => {
                self.joins += 1;
                let received = joined.received;
                match (&mut self.client, joined.state) {
                    (Some(client), state) => {
                        let (_, lost) = client.joined(state, received).unwrap();
                        assert!(
                            lost.is_empty(),
                            "client {}: {lost:?} did not fit any more",
                            self.number
                        );
                    }
                    (None, JoinedState::Snapshot(snapshot)) => {
                        let id = ClientId::new(format!("swarm-{}", self.number)).unwrap();
                        self.client = Some(Client::new(id, snapshot));
                    }
                    (None, JoinedState::Since(_)) => panic!("no revision was named"),
                }
                self.durable_up_to(received);
                // What did not arrive goes out again, perhaps with more in it: it is noted anew.
                self.sent.clear();
                Heard::Seated(self.client.as_ref().unwrap().resend(received))
            }
            Hear::Ack { sequence, revision } => {
                self.client
                    .as_mut()
                    .unwrap()
                    .acknowledged(sequence, revision);
                self.durable_up_to(sequence);
                Heard::Nothing
            }
            Hear::Batch { batch, .. } => {
                let client = self.client.as_mut().unwrap();
                let own = batch.client == *client.id();
                let sequence = batch.sequence;
                if client.receive(batch).is_err() {
                    // A hole: join again.
                    return Heard::Again;
                }
                if own {
                    self.durable_up_to(sequence);
                }
                Heard::Nothing
            }
            Hear::Refused {
                sequence,
                why,
                resync,
            } => {
                assert!(
                    resync.is_some(),
                    "client {}: batch {sequence} was refused: {why}",
                    self.number
                );
                let (_, lost) = self.client.as_mut().unwrap().refused(sequence, resync);
                assert!(
                    lost.is_empty(),
                    "client {}: {why} took {lost:?} back",
                    self.number
                );
                Heard::Nothing
            }
            Hear::Closed { again, message, .. } => {
                assert!(again, "client {} was shown out: {message}", self.number);
                Heard::Again
            }
            _ => Heard::Nothing,
        }
    }

    fn durable_up_to(&mut self, sequence: u64) {
        let sent = std::mem::take(&mut self.sent);
        for (of, tokens) in sent {
            if of <= sequence {
                self.progress
                    .acknowledged
                    .fetch_add(tokens.len() as u64, Ordering::Relaxed);
                self.acknowledged.extend(tokens);
                self.progress.changed.notify_waiters();
            } else {
                self.sent.push((of, tokens));
            }
        }
    }

    fn is_done(&mut self) -> bool {
        let client = self.client.as_ref().unwrap();
        let phase = *self.phase.borrow();
        if phase != Phase::Type && client.unacknowledged() == 0 && !self.flushed {
            self.flushed = true;
            self.acknowledged.sort();
            self.progress.flushed.fetch_add(1, Ordering::Relaxed);
            self.progress.changed.notify_waiters();
        }
        matches!(phase, Phase::End { revision } if client.unacknowledged() == 0 && client.revision() >= revision)
    }

    async fn submit(&mut self, socket: &mut Socket, submission: Submission) -> Result<(), ()> {
        let Submission {
            client,
            sequence,
            base,
            operations,
        } = submission;
        self.sent.retain(|(of, _)| *of != sequence);
        self.sent
            .push((sequence, operations.iter().flat_map(tokens).collect()));
        self.say(
            socket,
            Say::Submit {
                client,
                sequence,
                base,
                operations,
            },
        )
        .await
    }

    async fn say(&self, socket: &mut Socket, say: Say) -> Result<(), ()> {
        let said = ToServer {
            notebook: self.notebook.clone(),
            say,
        };
        let frame = serde_json::to_vec(&said).unwrap();
        socket.send(Message::binary(frame)).await.map_err(drop)
    }
}

/// A socket with the person's cookie, from the studio's own origin; `None` while nobody answers.
pub async fn connect(person: &Person) -> Option<Socket> {
    let address = &person.address;
    let mut request = format!("ws://{address}/live")
        .into_client_request()
        .unwrap();
    request
        .headers_mut()
        .insert("origin", format!("http://{address}").parse().unwrap());
    request
        .headers_mut()
        .insert("cookie", person.cookie.parse().unwrap());
    let connecting = tokio_tungstenite::connect_async(request);
    Some(
        timeout(Duration::from_secs(10), connecting)
            .await
            .ok()?
            .ok()?
            .0,
    )
}

enum Heard {
    Nothing,
    Seated(Option<Submission>),
    Again,
}

/// The tokens an operation brings.
fn tokens(operation: &Operation) -> Vec<String> {
    let split = |text: &str| text.split_inclusive(';').map(str::to_owned).collect();
    match operation {
        Operation::InsertCell { source, .. } => split(source),
        Operation::EditSource { delta, .. } => {
            let inserted = delta.steps().iter().filter_map(|step| match step {
                notebook::Step::Insert(text) => Some(text.as_str()),
                _ => None,
            });
            inserted
                .flat_map(|text| text.split_inclusive(';').map(str::to_owned))
                .collect()
        }
        _ => Vec::new(),
    }
}
