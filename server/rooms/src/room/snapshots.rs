//! Snapshots: they shorten the log's replay, and are kept only when they say the same as the log.

use std::sync::Arc;

use datalayer::{Ledger, NotebookId};
use notebook::{Sequencer, Snapshot};

use super::{End, Message, Room};

pub(super) struct Keeping {
    /// Revision of the last snapshot in the ledger; the window of the log in memory starts at the one before.
    pub(super) kept: u64,
    /// At this revision the next one is due.
    next: u64,
    pub(super) under_way: bool,
}

/// What became of a snapshot.
pub(crate) enum Kept {
    At(u64),
    /// The room goes on from the log it has; another try comes later.
    Not,
    /// The room's memory says something else than the log. The log is the truth.
    Diverged,
}

impl Keeping {
    pub(super) fn at(kept: u64, every: u64) -> Self {
        Self {
            kept,
            next: kept + every.max(1),
            under_way: false,
        }
    }
}

impl Room {
    pub(super) fn snapshot_is_due(&self) -> bool {
        !self.keeping.under_way && self.sequencer.revision() >= self.keeping.next
    }

    /// Takes a snapshot if one is due; it is checked and kept beside the room.
    pub(super) fn keep_snapshot(&mut self) {
        if !self.snapshot_is_due() {
            return;
        }
        self.keeping.under_way = true;
        let (ledger, notebook, room) = (
            self.house.ledger.clone(),
            self.notebook.clone(),
            self.room.clone(),
        );
        let snapshot = self.sequencer.snapshot();
        tokio::spawn(async move {
            let _ = room.send(Message::Kept(keep(ledger, notebook, snapshot).await));
        });
    }

    pub(super) fn kept(&mut self, kept: Kept) {
        self.keeping.under_way = false;
        self.keeping.next = self.sequencer.revision() + self.house.config.snapshot_every.max(1);
        match kept {
            Kept::At(revision) => {
                self.sequencer.forget_before(self.keeping.kept);
                self.keeping.kept = revision;
                self.keeping.next = revision + self.house.config.snapshot_every.max(1);
            }
            Kept::Not => {}
            Kept::Diverged => self.end_with(End::Diverged),
        }
    }
}

/// Checks `load(snapshot) == replay(log)` with the log as it is on disk, then keeps the snapshot.
pub(super) async fn keep(
    ledger: Arc<dyn Ledger>,
    notebook: NotebookId,
    snapshot: Snapshot,
) -> Kept {
    let opening = match ledger.open(&notebook).await {
        Ok(opening) => opening,
        Err(error) => {
            tracing::warn!(notebook.id = %notebook, %error, "no snapshot was kept: its log could not be read");
            return Kept::Not;
        }
    };
    if opening.snapshot.revision >= snapshot.revision {
        return Kept::Not;
    }
    // Replaying may take a while; the executor has other rooms to look after.
    let checked = tokio::task::spawn_blocking(move || {
        let upto = snapshot.revision;
        let log = opening
            .log
            .into_iter()
            .map(|entry| entry.batch)
            .filter(|batch| batch.revision <= upto);
        let replayed =
            Sequencer::open(opening.snapshot, log.collect()).map(|sequencer| sequencer.snapshot());
        let loaded = serde_json::to_vec(&snapshot)
            .and_then(|text| serde_json::from_slice::<Snapshot>(&text));
        let replayed = replayed.is_ok_and(|replayed| replayed == snapshot);
        let loaded = loaded.is_ok_and(|loaded| loaded == snapshot);
        (snapshot, replayed, loaded)
    })
    .await;
    match checked {
        Ok((snapshot, true, true)) => match ledger.keep_snapshot(&notebook, &snapshot).await {
            Ok(()) => Kept::At(snapshot.revision),
            Err(error) => {
                tracing::warn!(notebook.id = %notebook, %error, "a snapshot could not be kept; the log has everything");
                Kept::Not
            }
        },
        Ok((snapshot, false, _)) => {
            tracing::error!(notebook.id = %notebook, snapshot.revision, "the room and its log disagree; the log is the truth");
            Kept::Diverged
        }
        Ok((snapshot, true, false)) => {
            tracing::error!(notebook.id = %notebook, snapshot.revision, "a snapshot does not read back as it was written; not kept");
            Kept::Not
        }
        Err(error) => {
            tracing::error!(notebook.id = %notebook, %error, "a snapshot could not be checked; not kept");
            Kept::Not
        }
    }
}
