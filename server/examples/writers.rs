//! The writers of `end2end/bench/rooms.bench.mjs`: many connections that type, and a clock on every keystroke.
//!
//! One and the same program writes into every server that is compared. It keeps no document: it makes the smallest valid
//! edit its wire knows, and of what it hears it reads only whose keystroke that is. Standard input names the
//! connections as JSON ([`Order`]), standard output answers with one line of JSON.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use ticks::{Ticks, ticks};
use yjs::Place;

#[path = "writers/ticks.rs"]
mod ticks;
#[path = "writers/yjs.rs"]
mod yjs;

type Fallible<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;
type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Deserialize)]
struct Order {
    /// The processes whose time is counted: the server's.
    processes: Vec<u32>,
    /// Keystrokes a second of each writer.
    rate: f64,
    seconds: f64,
    /// For what is under way at the end.
    #[serde(default = "two")]
    drain: f64,
    writers: Vec<Plan>,
}

fn two() -> f64 {
    2.0
}

#[derive(Clone, Deserialize)]
struct Plan {
    url: String,
    #[serde(default)]
    headers: HashMap<String, String>,
    #[serde(flatten)]
    wire: Wire,
}

#[derive(Clone, Deserialize)]
#[serde(tag = "wire", rename_all = "snake_case")]
enum Wire {
    Datalayer {
        notebook: String,
        client: String,
        cell: String,
    },
    /// Yjs' sync protocol behind `prefix` (the document's name for Hocuspocus, nothing for Jupyter).
    Yjs {
        prefix: Vec<u8>,
        /// Frames to say at the beginning.
        greeting: Vec<Vec<u8>>,
        client: u64,
        /// The character to write behind.
        behind: (u64, u64),
    },
}

/// When each keystroke was sent: by writer and its number.
type Sent = Arc<Mutex<HashMap<(u64, u64), Instant>>>;

#[derive(Default)]
struct Told {
    sent: u64,
    acknowledged: u64,
    /// Microseconds from a keystroke to another writer.
    latencies: Vec<u32>,
    /// Microseconds by which keystrokes were sent later than planned.
    late: Vec<u32>,
    frames: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible {
    let order: Order = serde_json::from_reader(std::io::stdin())?;
    let sent = Sent::default();
    let everyone = Arc::new(Barrier::new(order.writers.len() + 1));
    let (begin, begun) = watch::channel(None);
    let mut writers = JoinSet::new();
    for (number, plan) in order.writers.iter().enumerate() {
        let writer = Writer {
            number: number as u64,
            share: number as f64 / order.writers.len() as f64,
            wire: plan.wire.clone(),
            base: 0,
            typed: 0,
            seated: false,
            sent: sent.clone(),
            told: Told::default(),
        };
        let socket = writer.enter(plan).await?;
        let (rate, seconds, drain) = (order.rate, order.seconds, order.drain);
        writers.spawn(writer.live(
            socket,
            everyone.clone(),
            begun.clone(),
            rate,
            seconds,
            drain,
        ));
    }
    everyone.wait().await;
    // Joining has its own cost; it is over before the clock starts.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = (ticks(&order.processes)?, ticks(&[std::process::id()])?);
    begin.send_replace(Some(Instant::now()));
    let mut all = Told::default();
    while let Some(told) = writers.join_next().await {
        let told = told??;
        all.sent += told.sent;
        all.acknowledged += told.acknowledged;
        all.frames += told.frames;
        all.latencies.extend(told.latencies);
        all.late.extend(told.late);
    }
    let after = (ticks(&order.processes)?, ticks(&[std::process::id()])?);
    println!("{}", summary(&order, all, before, after));
    Ok(())
}

fn summary(order: &Order, mut all: Told, before: (Ticks, Ticks), after: (Ticks, Ticks)) -> Value {
    all.latencies.sort_unstable();
    all.late.sort_unstable();
    let at = |list: &[u32], share: f64| {
        let place = (list.len().saturating_sub(1) as f64 * share) as usize;
        list.get(place).map(|us| f64::from(*us) / 1000.0)
    };
    let expected = all.sent * (order.writers.len() as u64 - 1);
    let delivered = all.latencies.len();
    let server = after.0.since(&before.0);
    json!({
        "sent": all.sent,
        "acknowledged": all.acknowledged,
        "delivered": delivered,
        "share": delivered as f64 / expected as f64,
        "frames": all.frames,
        "p50": at(&all.latencies, 0.5),
        "p99": at(&all.latencies, 0.99),
        "worst": at(&all.latencies, 1.0),
        "serverCpu": server,
        "cpuPerDelivery": server * 1e6 / delivered as f64,
        "generatorCpu": after.1.since(&before.1),
        "generatorLateP99": at(&all.late, 0.99),
    })
}

struct Writer {
    number: u64,
    /// Where in the interval it types, so that keystrokes come evenly.
    share: f64,
    wire: Wire,
    /// The newest revision heard of.
    base: u64,
    typed: u64,
    seated: bool,
    sent: Sent,
    told: Told,
}

impl Writer {
    async fn enter(&self, plan: &Plan) -> Fallible<Socket> {
        let mut request = plan.url.as_str().into_client_request()?;
        for (name, value) in &plan.headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse()?;
            request.headers_mut().insert(name, value.parse()?);
        }
        let connecting = tokio_tungstenite::connect_async(request);
        let (mut socket, _) = tokio::time::timeout(Duration::from_secs(60), connecting).await??;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_nodelay(true)?;
        }
        match &plan.wire {
            Wire::Datalayer {
                notebook, client, ..
            } => {
                let join = json!({ "notebook": notebook, "say": "join", "client": client });
                let frame = serde_json::to_vec(&join)?;
                socket.send(Message::binary(frame)).await?;
            }
            Wire::Yjs { greeting, .. } => {
                for frame in greeting {
                    socket.send(Message::binary(frame.clone())).await?;
                }
            }
        }
        Ok(socket)
    }

    async fn live(
        mut self,
        mut socket: Socket,
        everyone: Arc<Barrier>,
        mut begun: watch::Receiver<Option<Instant>>,
        rate: f64,
        seconds: f64,
        drain: f64,
    ) -> Fallible<Told> {
        let patience = Instant::now() + Duration::from_secs(120);
        while !self.seated {
            let next = tokio::time::timeout_at(patience.into(), socket.next());
            match next.await {
                Ok(message) => self.hear(message)?,
                Err(_) => return Err(format!("writer {} was not let in", self.number).into()),
            }
        }
        let mut waiting = Box::pin(everyone.wait());
        loop {
            tokio::select! {
                _ = &mut waiting => break,
                message = socket.next() => self.hear(message)?,
            }
        }
        loop {
            tokio::select! {
                changed = begun.changed() => {
                    changed?;
                    break;
                }
                message = socket.next() => self.hear(message)?,
            }
        }
        let start = begun.borrow().ok_or("the beginning has a time")?;
        let interval = Duration::from_secs_f64(1.0 / rate);
        let until = start + Duration::from_secs_f64(seconds);
        let end = until + Duration::from_secs_f64(drain);
        let mut next = start + interval.mul_f64(self.share);
        loop {
            let wake = if next < until { next } else { end };
            tokio::select! {
                () = tokio::time::sleep_until(wake.into()) => {
                    if next >= until {
                        return Ok(self.told);
                    }
                    self.type_one(&mut socket, next).await?;
                    next += interval;
                }
                message = socket.next() => self.hear(message)?,
            }
        }
    }

    async fn type_one(&mut self, socket: &mut Socket, planned: Instant) -> Fallible {
        self.typed += 1;
        let (frame, key) = match &self.wire {
            Wire::Datalayer {
                notebook,
                client,
                cell,
            } => {
                let submit = json!({
                    "notebook": notebook, "say": "submit", "client": client, "sequence": self.typed, "base": self.base,
                    "operations": [{ "op": "edit_source", "cell": cell, "delta": ["x"] }],
                });
                (serde_json::to_vec(&submit)?, (self.number, self.typed))
            }
            Wire::Yjs {
                prefix,
                client,
                behind,
                ..
            } => {
                let clock = self.typed - 1;
                let behind = if clock == 0 {
                    Place(behind.0, behind.1)
                } else {
                    Place(*client, clock - 1)
                };
                (
                    yjs::keystroke(prefix, Place(*client, clock), behind),
                    (*client, clock),
                )
            }
        };
        let now = Instant::now();
        self.told.late.push(micros(now - planned));
        lock(&self.sent).insert(key, now);
        self.told.sent += 1;
        Ok(socket.send(Message::binary(frame)).await?)
    }

    fn hear(
        &mut self,
        message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Fallible {
        let arrived = Instant::now();
        let frame = match message {
            Some(Ok(Message::Binary(frame))) => frame,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => return Ok(()),
            other => {
                return Err(format!("writer {}: the socket ended: {other:?}", self.number).into());
            }
        };
        self.told.frames += 1;
        match &self.wire {
            Wire::Datalayer { .. } => self.hear_datalayer(&frame, arrived),
            Wire::Yjs { prefix, client, .. } => {
                let own = *client;
                let Some(frame) = frame.strip_prefix(&prefix[..]) else {
                    return Ok(());
                };
                match yjs::hear(frame)? {
                    yjs::Heard::Synced => self.seated = true,
                    yjs::Heard::Keystrokes(keys) => {
                        for key in keys.into_iter().filter(|(client, _)| *client != own) {
                            self.heard(key, arrived);
                        }
                    }
                    yjs::Heard::Other => {}
                }
                Ok(())
            }
        }
    }

    fn hear_datalayer(&mut self, frame: &[u8], arrived: Instant) -> Fallible {
        let glance: Glance = serde_json::from_slice(frame)?;
        match (glance.hear, glance.client) {
            ("joined", _) => {
                let joined: Value = serde_json::from_slice(frame)?;
                self.base = joined["state"]["snapshot"]["revision"]
                    .as_u64()
                    .ok_or("joined without a revision")?;
                self.seated = true;
            }
            ("batch", Some(author)) => {
                self.base = glance.revision;
                if let Some(author) = author.strip_prefix("writer-") {
                    self.heard((author.parse()?, glance.sequence), arrived);
                }
            }
            ("ack", _) => {
                self.base = glance.revision;
                self.told.acknowledged += 1;
            }
            ("refused" | "closed" | "sorry", _) => {
                return Err(String::from_utf8_lossy(frame).into_owned().into());
            }
            _ => {}
        }
        Ok(())
    }

    fn heard(&mut self, key: (u64, u64), arrived: Instant) {
        let at = lock(&self.sent).get(&key).copied();
        self.told
            .latencies
            .extend(at.map(|at| micros(arrived - at)));
    }
}

/// The little that has to be read of a frame: the server is measured, not this program.
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

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
