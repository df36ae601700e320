//! The server's half: gives each accepted batch the next revision. Sans-IO; `rooms` adds durability and sockets.

use serde::{Deserialize, Serialize};

use crate::{ClientId, Operation};

/// What someone may do to the document, checked per operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    pub edit: bool,
}

/// A batch as a client sends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    pub client: ClientId,
    /// 1 for a client's first batch, then one more each.
    pub sequence: u64,
    /// The revision the batch was made on.
    pub base: u64,
    pub operations: Vec<Operation>,
}

/// A batch as the log keeps it: transformed to stand on revision - 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    pub revision: u64,
    pub client: ClientId,
    pub sequence: u64,
    pub operations: Vec<Operation>,
}

/// A document and the window of its log that late batches are transformed over.
#[derive(Debug)]
pub struct Sequencer {
    _private: (),
}

impl Sequencer {
    /// Opens a document at a snapshot, then replays `log` (revisions following the snapshot's, without a hole).
    pub fn open(_snapshot: crate::Snapshot, _log: Vec<Accepted>) -> Result<Self, crate::Refused> {
        todo!()
    }
    pub fn revision(&self) -> u64 {
        todo!()
    }
    pub fn document(&self) -> &crate::NotebookDoc {
        todo!()
    }
    pub fn snapshot(&self) -> crate::Snapshot {
        todo!()
    }
    /// The highest sequence accepted from a client, 0 for none. Survives [`Sequencer::forget_before`].
    pub fn received(&self, _client: &ClientId) -> u64 {
        todo!()
    }
    /// Tells the sequences of clients whose batches are no longer in `log` (from the database).
    pub fn remember(&mut self, _client: ClientId, _sequence: u64) {
        todo!()
    }
    /// Validates, transforms and applies a batch. `Ok(None)`: this sequence is in already (a resend): acknowledge it again.
    /// A sequence that skips one is refused with [`crate::Refused::Gap`].
    pub fn submit(&mut self, _submission: Submission, _rights: Rights) -> Result<Option<Accepted>, crate::Refused> {
        todo!()
    }
    /// The batches after `revision`; `None` when the window no longer reaches back so far or it is in the future.
    pub fn since(&self, _revision: u64) -> Option<Vec<Accepted>> {
        todo!()
    }
    /// Drops the window before `revision` (a snapshot holds it). Late batches based earlier are then refused with `Resync`.
    pub fn forget_before(&mut self, _revision: u64) {
        todo!()
    }
}
