//! The browser's half: acknowledged, in flight, pending; rebase, resend, per-person undo.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One tab's writing identity: 1 to 40 of `A-Z a-z 0-9 - _`, random, never reused by another person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let valid = (1..=40).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        valid.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text).ok_or("a client id is 1 to 40 letters, digits, - or _")
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

/// What a view has to redraw. Text deltas are in the coordinates of the view's own text at that moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Cells came, went or moved: read [`crate::NotebookDoc::cells`] again.
    Cells,
    /// A cell's text changed by this delta.
    Source { cell: crate::CellId, delta: crate::Delta },
    /// A cell's kind, metadata or attachments changed.
    Cell(crate::CellId),
    Metadata,
    /// The document was replaced (resynchronisation): read all again.
    All,
    /// Someone deleted a cell in which you have typed lately: offer to restore it.
    DeletedUnderYou { cell: crate::CellId },
}

/// Unacknowledged work as it is kept across a crash of the tab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub client: ClientId,
    pub base: crate::Snapshot,
    /// Sent, not acknowledged, with its sequence.
    pub in_flight: Option<crate::Submission>,
    pub pending: Vec<crate::Operation>,
    pub next_sequence: u64,
}

/// A replica in a tab: shows local edits at once, sends one batch at a time, rebases over everyone else's.
#[derive(Debug)]
pub struct Client {
    _private: (),
}

impl Client {
    pub fn new(_client: ClientId, _snapshot: crate::Snapshot) -> Self {
        todo!()
    }
    /// From what [`Client::save`] kept; join with [`Client::revision`] afterwards.
    pub fn restore(_saved: Saved) -> Result<Self, crate::Refused> {
        todo!()
    }
    pub fn save(&self) -> Saved {
        todo!()
    }
    pub fn id(&self) -> &ClientId {
        todo!()
    }
    /// The document with everything typed here.
    pub fn document(&self) -> &crate::NotebookDoc {
        todo!()
    }
    /// The last server revision folded in.
    pub fn revision(&self) -> u64 {
        todo!()
    }
    /// Operations typed here that are not known to be durable.
    pub fn unacknowledged(&self) -> usize {
        todo!()
    }
    /// Applies your operations and queues them. They become one undo step unless they continue the last one
    /// (typing in the same cell within a second; pass the time in milliseconds).
    pub fn edit(&mut self, _operations: Vec<crate::Operation>, _now_ms: f64) -> Result<Vec<Change>, crate::Refused> {
        todo!()
    }
    /// Undo or redo your own last step; others' edits stay. `None` when there is none.
    pub fn undo(&mut self) -> Option<Vec<Change>> {
        todo!()
    }
    pub fn redo(&mut self) -> Option<Vec<Change>> {
        todo!()
    }
    pub fn can_undo(&self) -> bool {
        todo!()
    }
    pub fn can_redo(&self) -> bool {
        todo!()
    }
    /// The next batch to send, when none is in flight and something is pending. It is then in flight.
    pub fn outgoing(&mut self) -> Option<crate::Submission> {
        todo!()
    }
    /// After a reconnect: the batch in flight, to be sent again as it is, if the server has not `received` it.
    pub fn resend(&self, _received: u64) -> Option<crate::Submission> {
        todo!()
    }
    pub fn acknowledged(&mut self, _sequence: u64, _revision: u64) -> Vec<Change> {
        todo!()
    }
    /// A batch of the log, anyone's: your own in-flight batch in it counts as its acknowledgement. One already known is ignored; a hole is an error (join again).
    pub fn receive(&mut self, _batch: crate::Accepted) -> Result<Vec<Change>, crate::Refused> {
        todo!()
    }
    /// The answer to `join`: catch up from the log or a snapshot. With a snapshot, unacknowledged work is kept where it still fits;
    /// what does not fit is returned so that it can be offered to the person.
    pub fn joined(&mut self, _state: crate::wire::JoinedState, _received: u64) -> Result<(Vec<Change>, Vec<crate::Operation>), crate::Refused> {
        todo!()
    }
    /// The server refused your batch: it is taken back; returns the operations of it for the person to keep.
    pub fn refused(&mut self, _sequence: u64, _resync: Option<crate::Snapshot>) -> (Vec<Change>, Vec<crate::Operation>) {
        todo!()
    }
}
