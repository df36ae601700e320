//! A studio of rooms over one disk, the people in it, and their tabs.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use datalayer::{
    Caller, Live, NotebookId, Result, Role, Seat, SessionId, Timestamp, User, UserId, Wire,
};
use notebook::wire::{Hear, Joined, JoinedState, May, Say, ToClient};
use notebook::{
    Cell, CellId, CellKind, Client, ClientId, Delta, NotebookDoc, Operation, Order, Snapshot,
    Submission,
};
use rooms::{Config, Rooms};
use tokio::sync::mpsc;

use crate::disk::{Disk, DiskLedger, Mood};
use crate::echo::Echo;

pub struct Studio {
    pub disk: Arc<Disk>,
    pub ledger: Arc<DiskLedger>,
    pub echo: Arc<Echo>,
    pub rooms: Rooms,
    pub notebook: NotebookId,
    config: Config,
}

impl Studio {
    /// With one notebook of two code cells, `a` and `b`, and a Markdown cell `m`.
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    pub fn with(config: Config) -> Self {
        let disk = Arc::new(Disk::default());
        let notebook = NotebookId::from_parts(1, 1);
        let mut document = NotebookDoc::default();
        let mut order: Option<Order> = None;
        for (id, kind) in [
            ("a", CellKind::Code),
            ("b", CellKind::Code),
            ("m", CellKind::Markdown),
        ] {
            let next = Order::between(order.as_ref(), None);
            document.put_cell(
                cell(id),
                Cell {
                    kind,
                    source: String::new(),
                    order: next.clone(),
                    metadata: notebook::Map::new(),
                    attachments: notebook::Map::new(),
                    extra: notebook::Map::new(),
                    deleted: false,
                },
            );
            order = Some(next);
        }
        disk.put(&notebook, document);
        Self::over(disk, notebook, config)
    }

    fn over(disk: Arc<Disk>, notebook: NotebookId, config: Config) -> Self {
        let ledger = DiskLedger::new(disk.clone());
        let echo = Arc::new(Echo::default());
        let rooms = Rooms::new(ledger.clone(), echo.clone(), config.clone());
        Self {
            disk,
            ledger,
            echo,
            rooms,
            notebook,
            config,
        }
    }

    /// The process dies and another one starts over the same disk.
    pub fn crash(self) -> Self {
        let config = self.config.clone();
        self.crash_into(config)
    }

    /// The other one is configured differently.
    pub fn crash_into(self, config: Config) -> Self {
        self.ledger.mood.send_replace(Mood::Dead);
        Self::over(self.disk.clone(), self.notebook.clone(), config)
    }

    pub fn becomes(&self, mood: Mood) {
        self.ledger.mood.send_replace(mood);
    }

    pub async fn document(&self) -> Snapshot {
        self.rooms
            .snapshot(&self.notebook)
            .await
            .expect("the room is open")
    }
}

pub struct Someone {
    pub user: User,
    pub may: May,
}

/// The same name is the same person.
pub fn someone(studio: &Studio, name: &str, role: Role) -> Someone {
    let bits = name
        .bytes()
        .fold(0_u128, |bits, byte| bits << 8 | u128::from(byte));
    let user = User {
        id: UserId::from_parts(1, bits),
        username: name.to_lowercase(),
        name: name.to_owned(),
        administrator: false,
        created_at: Timestamp(0),
        disabled_at: None,
    };
    studio.disk.grant(&user.id, role.may());
    Someone {
        user,
        may: role.may(),
    }
}

impl Someone {
    pub fn caller(&self) -> Caller {
        Caller::Person {
            user: self.user.clone(),
            session: SessionId::from_parts(1, 1),
        }
    }

    pub async fn join(&self, studio: &Studio) -> Tab {
        Tab::open(studio, self).await.unwrap()
    }
}

pub fn cell(id: &str) -> CellId {
    CellId::new(id).unwrap()
}

pub enum Arrived {
    Frame(Bytes),
    Closed(u16, String),
}

pub struct TabWire {
    arrived: mpsc::UnboundedSender<Arrived>,
    /// Frames that still fit in its queue.
    fits: AtomicIsize,
}

impl Wire for TabWire {
    fn queue(&self, frame: Bytes) -> bool {
        self.fits.fetch_sub(1, Ordering::Relaxed) > 0
            && self.arrived.send(Arrived::Frame(frame)).is_ok()
    }

    fn flush(&self) {}

    fn close(&self, code: u16, reason: &str) {
        let _ = self.arrived.send(Arrived::Closed(code, reason.to_owned()));
    }
}

pub fn wire(fits: isize) -> (Arc<TabWire>, mpsc::UnboundedReceiver<Arrived>) {
    let (arrived, inbox) = mpsc::unbounded_channel();
    (
        Arc::new(TabWire {
            arrived,
            fits: AtomicIsize::new(fits),
        }),
        inbox,
    )
}

/// A browser tab: the engine's client, a seat, and everything it heard.
pub struct Tab {
    pub client: Client,
    pub seat: Box<dyn Seat>,
    pub joined: Joined,
    pub heard: Vec<Hear>,
    pub closed: Option<(u16, String)>,
    inbox: mpsc::UnboundedReceiver<Arrived>,
    wire: Arc<TabWire>,
    acknowledged: u64,
}

static TABS: AtomicUsize = AtomicUsize::new(0);

pub fn fresh_client() -> ClientId {
    ClientId::new(format!("tab-{}", TABS.fetch_add(1, Ordering::Relaxed))).unwrap()
}

impl Tab {
    pub async fn open(studio: &Studio, who: &Someone) -> Result<Self> {
        Self::open_with(studio, who, fresh_client(), isize::MAX).await
    }

    pub async fn open_with(
        studio: &Studio,
        who: &Someone,
        client: ClientId,
        fits: isize,
    ) -> Result<Self> {
        let (seat, joined, inbox, wire) =
            take_seat(studio, who, client.clone(), None, None, fits).await?;
        let JoinedState::Snapshot(snapshot) = joined.state.clone() else {
            panic!("no revision was named")
        };
        let client = Client::new(client, snapshot);
        Ok(Self {
            client,
            seat,
            joined,
            heard: Vec::new(),
            closed: None,
            inbox,
            wire,
            acknowledged: 0,
        })
    }

    /// The connection was lost: joins again with what the client has, and sends again what is not in the log.
    pub async fn rejoin(&mut self, studio: &Studio, who: &Someone) {
        let revision = Some(self.client.revision());
        let client = self.client.id().clone();
        let (seat, joined, inbox, wire) =
            take_seat(studio, who, client, revision, None, isize::MAX)
                .await
                .unwrap();
        (self.seat, self.inbox, self.wire) = (seat, inbox, wire);
        let (_, lost) = self
            .client
            .joined(joined.state.clone(), joined.received)
            .unwrap();
        assert_eq!(lost, Vec::new(), "nothing typed is lost");
        if let Some(submission) = self.client.resend(joined.received) {
            self.submit(submission).await;
        }
        self.joined = joined;
        self.flush().await;
    }

    /// From now on, only so many frames fit in this tab's queue.
    pub fn stalls_after(&self, frames: isize) {
        self.wire.fits.store(frames, Ordering::Relaxed);
    }

    pub async fn say(&self, say: Say) {
        self.seat.hear(say).await.unwrap();
    }

    pub async fn submit(&self, submission: Submission) {
        let Submission {
            client,
            sequence,
            base,
            operations,
        } = submission;
        self.say(Say::Submit {
            client,
            sequence,
            base,
            operations,
        })
        .await;
    }

    /// Types at the end of a cell, and sends it when nothing else is in flight.
    pub async fn types(&mut self, id: &str, text: &str) {
        let at = notebook::utf16_len(&self.text(id));
        self.edits(vec![Operation::EditSource {
            cell: cell(id),
            delta: Delta::splice(at, 0, text),
        }])
        .await;
    }

    pub async fn edits(&mut self, operations: Vec<Operation>) {
        self.client.edit(operations, 0.0).unwrap();
        self.flush().await;
    }

    pub async fn flush(&mut self) {
        if let Some(submission) = self.client.outgoing() {
            self.submit(submission).await;
        }
    }

    pub fn text(&self, id: &str) -> String {
        self.client
            .document()
            .cell(&cell(id))
            .unwrap()
            .source
            .clone()
    }

    /// The next message, folded into the client.
    pub async fn hears(&mut self) -> Hear {
        let arrived = tokio::time::timeout(Duration::from_secs(3_600), self.inbox.recv()).await;
        match arrived
            .expect("the room said nothing")
            .expect("the wire is gone")
        {
            Arrived::Frame(frame) => {
                let heard: ToClient = serde_json::from_slice(&frame).unwrap();
                self.fold(heard.hear.clone()).await;
                heard.hear
            }
            Arrived::Closed(code, reason) => {
                self.closed = Some((code, reason.clone()));
                Hear::Closed {
                    code,
                    message: reason,
                    again: true,
                }
            }
        }
    }

    async fn fold(&mut self, hear: Hear) {
        self.heard.push(hear.clone());
        match hear {
            Hear::Ack { sequence, revision } => {
                self.acknowledged = self.acknowledged.max(sequence);
                self.client.acknowledged(sequence, revision);
                self.flush().await;
            }
            Hear::Batch { batch, .. } => {
                self.client.receive(batch).unwrap();
                self.flush().await;
            }
            Hear::Refused {
                sequence, resync, ..
            } => {
                self.client.refused(sequence, resync);
            }
            _ => {}
        }
    }

    pub async fn hears_until(&mut self, enough: impl Fn(&Hear) -> bool) -> Hear {
        loop {
            let hear = self.hears().await;
            if enough(&hear) {
                return hear;
            }
        }
    }

    /// Until everything typed here is durable and the document is at `revision`.
    pub async fn settles_at(&mut self, revision: u64) {
        while self.client.unacknowledged() > 0 || self.client.revision() < revision {
            self.hears().await;
        }
    }

    /// Until everything typed here is durable.
    pub async fn settles(&mut self) {
        self.settles_at(0).await;
    }

    /// What has arrived and was not heard yet.
    pub fn unheard(&mut self) -> Vec<Hear> {
        let mut unheard = Vec::new();
        while let Ok(Arrived::Frame(frame)) = self.inbox.try_recv() {
            unheard.push(serde_json::from_slice::<ToClient>(&frame).unwrap().hear);
        }
        unheard
    }
}

pub type Seating = (
    Box<dyn Seat>,
    Joined,
    mpsc::UnboundedReceiver<Arrived>,
    Arc<TabWire>,
);

pub async fn take_seat(
    studio: &Studio,
    who: &Someone,
    client: ClientId,
    revision: Option<u64>,
    runs: Option<u64>,
    fits: isize,
) -> Result<Seating> {
    let (wire, mut inbox) = wire(fits);
    let say = Say::Join {
        client,
        revision,
        runs,
    };
    let seat = studio
        .rooms
        .join(who.caller(), who.may, &studio.notebook, say, wire.clone())
        .await?;
    let Some(Arrived::Frame(frame)) = inbox.recv().await else {
        panic!("the first thing is a frame")
    };
    let heard: ToClient = serde_json::from_slice(&frame).unwrap();
    assert_eq!(heard.notebook, studio.notebook.to_string());
    let Hear::Joined(joined) = heard.hear else {
        panic!("the first message is the answer to `join`")
    };
    Ok((seat, *joined, inbox, wire))
}
