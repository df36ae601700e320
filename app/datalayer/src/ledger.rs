//! Ledgers: what rooms and runtimes need made durable. Implemented by `service`, so neither knows the database.

use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use notebook::runs::{RunEvent, Runs};
use notebook::wire::May;
use notebook::{Accepted, ClientId, Snapshot};
use serde::{Deserialize, Serialize};

use crate::{Error, NotebookId, Result, Timestamp, UserId};

/// A batch as the log keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    pub batch: Accepted,
    pub author: UserId,
    /// As others saw the author then.
    pub author_name: String,
    pub at: Timestamp,
}

/// What a room opens from: the newest snapshot and every batch after it, without a hole.
#[derive(Clone, Debug)]
pub struct Opening {
    pub title: String,
    /// Kernelspec chosen for this notebook; empty for the default.
    pub kernel: String,
    pub snapshot: Snapshot,
    pub log: Vec<LogEntry>,
    /// The highest sequence in the log of every client that ever wrote here, and whose client it is:
    /// nobody else may write under its id.
    pub received: Vec<(ClientId, u64, UserId)>,
}

/// The log of documents. The truth: a snapshot only shortens its replay.
#[async_trait]
pub trait Ledger: Send + Sync {
    async fn open(&self, notebook: &NotebookId) -> Result<Opening>;
    /// Durable (flushed to disk) when it returns. Calls of many rooms share one commit. All entries or none;
    /// an entry whose revision is taken is a [`crate::Error::Conflict`] with code `room.not_owner`.
    async fn append(&self, notebook: &NotebookId, entries: Vec<LogEntry>) -> Result<()>;
    /// Keeps a snapshot that the caller has checked against the log (`load(snapshot) == replay(log)`). The last two are kept; the log stays.
    async fn keep_snapshot(&self, notebook: &NotebookId, snapshot: &Snapshot) -> Result<()>;
    /// What a person may do with a notebook now. All false where there is no right to see it.
    async fn rights(&self, notebook: &NotebookId, user: &UserId) -> Result<May>;
    /// Remembers the kernelspec chosen for a notebook.
    async fn choose_kernel(&self, notebook: &NotebookId, kernel: &str) -> Result<()>;
}

/// How far a kernel's spooled messages have been taken into the run log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolMark {
    /// The supervisor's own id.
    pub kernel: String,
    /// Bytes of its spool that are folded in.
    pub offset: u64,
}

/// The log of runs.
#[async_trait]
pub trait RunLedger: Send + Sync {
    /// The folded log as it is now.
    async fn load(&self, notebook: &NotebookId) -> Result<Runs>;
    /// Durable when it returns; events and mark in one transaction. Calls share commits.
    async fn append(
        &self,
        notebook: &NotebookId,
        events: Vec<RunEvent>,
        mark: Option<SpoolMark>,
    ) -> Result<()>;
    /// Keeps the folded runs so that loading need not replay everything; the events stay for a while.
    async fn keep_fold(&self, notebook: &NotebookId, runs: &Runs) -> Result<()>;
    /// The events after `sequence`, at most `limit`; `None` when there are more or they are no longer kept.
    async fn since(
        &self,
        notebook: &NotebookId,
        sequence: u64,
        limit: u32,
    ) -> Result<Option<Vec<RunEvent>>>;
    async fn mark(&self, kernel: &str) -> Result<Option<SpoolMark>>;
    /// Stores an output's bytes; returns their SHA-256 in hexadecimal.
    async fn keep_blob(
        &self,
        notebook: &NotebookId,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<String>;
    /// Stores a whole file's bytes, as [`RunLedger::keep_blob`] does. Worth overriding: a file can be far larger than
    /// what one wants to hold in memory.
    async fn keep_file(
        &self,
        notebook: &NotebookId,
        media_type: &str,
        file: &Path,
    ) -> Result<String> {
        let bytes = std::fs::read(file).map_err(|error| {
            Error::unavailable(
                "blob.unreadable",
                format!("the file {} cannot be read: {error}", file.display()),
            )
        })?;
        self.keep_blob(notebook, media_type, bytes.into()).await
    }
}
