//! The ledger of documents, as rooms see it.

use async_trait::async_trait;
use datalayer::{Error, Ledger, LogEntry, NotebookId, Noun, Opening, Result, UserId};
use db::StoredSnapshot;
use iam::clean_line;
use iam::policy::offers;
use notebook::wire::May;
use notebook::{Sequencer, Snapshot};

use crate::House;
use crate::visit::notebook_state;

#[async_trait]
impl Ledger for House {
    async fn open(&self, notebook: &NotebookId) -> Result<Opening> {
        let db = &self.0.db;
        let facts = db
            .opening(notebook)
            .await?
            .ok_or(Error::not_found(Noun::Notebook))?;
        let snapshot = newest_readable(notebook, &facts.snapshots)?;
        let log = db.log_after(notebook, snapshot.revision).await?;
        Ok(Opening {
            title: facts.title,
            kernel: facts.kernel,
            snapshot,
            log,
            received: facts.received,
        })
    }

    async fn append(&self, notebook: &NotebookId, entries: Vec<LogEntry>) -> Result<()> {
        Ok(self.0.db.append(notebook, entries).await?)
    }

    async fn keep_snapshot(&self, notebook: &NotebookId, snapshot: &Snapshot) -> Result<()> {
        let stored = StoredSnapshot {
            revision: snapshot.revision,
            document: serde_json::to_string(&snapshot.document).map_err(unwritable)?,
        };
        Ok(self
            .0
            .db
            .keep_snapshot(notebook, &stored, self.now())
            .await?)
    }

    async fn rights(&self, notebook: &NotebookId, user: &UserId) -> Result<May> {
        let db = &self.0.db;
        let (Some(facts), Some(person)) =
            (db.notebook_for(user, notebook).await?, db.user(user).await?)
        else {
            return Ok(May::default());
        };
        Ok(offers(
            Some(&person.user),
            facts.role,
            notebook_state(&facts),
        ))
    }

    async fn choose_kernel(&self, notebook: &NotebookId, kernel: &str) -> Result<()> {
        let kernel = clean_line(kernel);
        if kernel.chars().count() > 200 {
            return Err(Error::invalid(
                "kernel",
                "kernel.too_long",
                "a kernel's name has at most 200 characters",
            ));
        }
        if self.0.db.choose_kernel(notebook, &kernel).await? {
            Ok(())
        } else {
            Err(Error::not_found(Noun::Notebook))
        }
    }
}

impl House {
    /// The document as the log has it, for when no room is open.
    pub(crate) async fn replay(&self, notebook: &NotebookId) -> Result<Snapshot> {
        let opening = Ledger::open(self, notebook).await?;
        if opening.log.is_empty() {
            return Ok(opening.snapshot);
        }
        let replayed = tokio::task::spawn_blocking(move || {
            let log = opening.log.into_iter().map(|entry| entry.batch).collect();
            Sequencer::open(opening.snapshot, log).map(|sequencer| sequencer.snapshot())
        });
        let replayed = replayed
            .await
            .map_err(|error| db::Error::Broken(format!("replaying {notebook}: {error}")))?;
        replayed.map_err(|why| {
            db::Error::Broken(format!("the log of {notebook} does not replay: {why}")).into()
        })
    }
}

/// Two snapshots are kept so that a damaged one costs a longer replay and nothing else.
fn newest_readable(notebook: &NotebookId, snapshots: &[StoredSnapshot]) -> Result<Snapshot> {
    for stored in snapshots {
        match serde_json::from_str(&stored.document) {
            Ok(document) => {
                return Ok(Snapshot {
                    revision: stored.revision,
                    document,
                });
            }
            Err(error) => {
                tracing::error!(%notebook, revision = stored.revision, %error, "a snapshot cannot be read")
            }
        }
    }
    Err(db::Error::Broken(format!("{notebook} has no snapshot that can be read")).into())
}

pub(crate) fn unwritable(error: serde_json::Error) -> Error {
    db::Error::Broken(format!("a value cannot be written as JSON: {error}")).into()
}
