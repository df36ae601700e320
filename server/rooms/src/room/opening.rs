//! Opening: from the ledger's snapshot and log to a living room.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use datalayer::{LogEntry, NotebookId, Opening, Result, UserId};
use notebook::{ClientId, Sequencer, Snapshot};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::{Message, Owner, Room, broken, joining, presence, saving, snapshots};
use crate::house::House;

/// Batches replayed without leaving the executor's thread.
const SHORT: usize = 32;

impl Room {
    pub(super) async fn open(
        house: Arc<House>,
        notebook: NotebookId,
        room: mpsc::UnboundedSender<Message>,
    ) -> Result<Box<Self>> {
        let Opening {
            title,
            kernel,
            snapshot,
            log,
            received,
        } = house.ledger.open(&notebook).await?;
        let kept = snapshot.revision;
        let owners = owners(&received, &log, kept);
        let mut sequencer = replay(&notebook, snapshot, log).await?;
        for (client, sequence, _) in received {
            if sequencer.received(&client) < sequence {
                sequencer.remember(client, sequence);
            }
        }
        let listener = room.clone();
        let (runs, view) = house
            .runner
            .listen(
                &notebook,
                &kernel,
                Box::new(move |news| drop(listener.send(Message::News(Box::new(news))))),
            )
            .await?;
        Ok(Box::new(Self {
            gate: Arc::new(Semaphore::new(house.config.inbox as usize)),
            title,
            kernel,
            view,
            saving: saving::Saving::at(sequencer.revision()),
            sequencer,
            runs,
            owners,
            seats: Vec::new(),
            last_seat: 0,
            waiting: Vec::new(),
            reading: joining::Reading::default(),
            recent: Vec::new(),
            catching: 0,
            rights_asked: 0,
            people: presence::People::default(),
            jobs: VecDeque::new(),
            job_runs: false,
            asking: Arc::new(()),
            errands: Arc::new(()),
            keeping: snapshots::Keeping::at(kept, house.config.snapshot_every),
            empty_since: Some(Instant::now()),
            closing_since: None,
            ending: None,
            house,
            notebook,
            room,
        }))
    }
}

/// A sequencer that stands at the end of the log.
pub(super) async fn replay(
    notebook: &NotebookId,
    snapshot: Snapshot,
    log: Vec<LogEntry>,
) -> Result<Sequencer> {
    let short = log.len() <= SHORT;
    let open =
        move || Sequencer::open(snapshot, log.into_iter().map(|entry| entry.batch).collect());
    let opened = if short {
        open()
    } else {
        tokio::task::spawn_blocking(open)
            .await
            .map_err(|cause| broken(notebook, "a notebook's log could not be replayed", cause))?
    };
    opened.map_err(|cause| broken(notebook, "a notebook's log could not be replayed", cause))
}

fn owners(
    received: &[(ClientId, u64, UserId)],
    log: &[LogEntry],
    kept: u64,
) -> HashMap<ClientId, Owner> {
    // A person has many clients, one for each tab they ever opened: their id is kept once.
    let mut users: HashMap<&UserId, Arc<UserId>> = HashMap::new();
    let mut owners = HashMap::with_capacity(received.len());
    for (client, _, user) in received {
        let user = users
            .entry(user)
            .or_insert_with(|| Arc::new(user.clone()))
            .clone();
        owners.insert(
            client.clone(),
            Owner {
                user,
                revision: kept,
            },
        );
    }
    for LogEntry { batch, author, .. } in log {
        let user = users
            .entry(author)
            .or_insert_with(|| Arc::new(author.clone()))
            .clone();
        owners.insert(
            batch.client.clone(),
            Owner {
                user,
                revision: batch.revision,
            },
        );
    }
    owners
}
