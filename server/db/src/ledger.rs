//! The log of documents: batches, snapshots, and which sequences every client has written.

use datalayer::{LogEntry, NotebookId, Timestamp, UserId};
use notebook::{Accepted, ClientId};

use crate::accounts::stored;
use crate::writer::{BatchRow, Work};
use crate::{Db, Error, Result};

/// A document at a revision, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSnapshot {
    pub revision: u64,
    pub document: String,
}

/// What a room opens from.
#[derive(Clone, Debug)]
pub struct OpeningFacts {
    pub title: String,
    pub kernel: String,
    /// The newest first. There are always one or two.
    pub snapshots: Vec<StoredSnapshot>,
    /// Of every client that ever wrote here: its highest sequence, and whose it is.
    pub received: Vec<(ClientId, u64, UserId)>,
}

impl Db {
    /// `None`: there is no such notebook.
    pub async fn opening(&self, notebook: &NotebookId) -> Result<Option<OpeningFacts>> {
        let row: Option<(String, String)> = on!(self, pool => {
            sqlx::query_as("select title, kernel from notebooks where id = $1")
                .bind(notebook.as_str())
                .fetch_optional(pool)
                .await?
        });
        let Some((title, kernel)) = row else {
            return Ok(None);
        };
        let snapshots: Vec<(i64, String)> = on!(self, pool => {
            sqlx::query_as("select revision, document from snapshots where notebook_id = $1 order by revision desc")
                .bind(notebook.as_str())
                .fetch_all(pool)
                .await?
        });
        let received: Vec<(String, i64, String)> = on!(self, pool => {
            sqlx::query_as(
                "select writers.client, writers.sequence, batches.author_id from writers
                 join batches on batches.notebook_id = writers.notebook_id
                  and batches.client = writers.client and batches.sequence = writers.sequence
                 where writers.notebook_id = $1",
            )
            .bind(notebook.as_str())
            .fetch_all(pool)
            .await?
        });
        Ok(Some(OpeningFacts {
            title,
            kernel,
            snapshots: snapshots
                .into_iter()
                .map(|(revision, document)| {
                    Ok(StoredSnapshot {
                        revision: unsigned(revision)?,
                        document,
                    })
                })
                .collect::<Result<_>>()?,
            received: received
                .into_iter()
                .map(|(client, sequence, author)| {
                    Ok((client_id(client)?, unsigned(sequence)?, stored(author)?))
                })
                .collect::<Result<_>>()?,
        }))
    }

    /// Every batch after a revision, in order.
    pub async fn log_after(&self, notebook: &NotebookId, revision: u64) -> Result<Vec<LogEntry>> {
        type Row = (i64, String, i64, String, String, String, i64);
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(
                "select revision, client, sequence, operations, author_id, author_name, at from batches
                 where notebook_id = $1 and revision > $2 order by revision",
            )
            .bind(notebook.as_str())
            .bind(signed(revision)?)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter()
            .map(
                |(revision, client, sequence, operations, author, author_name, at)| {
                    Ok(LogEntry {
                        batch: Accepted {
                            revision: unsigned(revision)?,
                            client: client_id(client)?,
                            sequence: unsigned(sequence)?,
                            operations: serde_json::from_str(&operations).map_err(|error| {
                                Error::broken(format!("batch {revision} of {notebook}: {error}"))
                            })?,
                        },
                        author: stored(author)?,
                        author_name,
                        at: Timestamp(at),
                    })
                },
            )
            .collect()
    }

    /// Durable when it returns; commits are shared. [`Error::NotOwner`] where the revision is taken by something else.
    pub async fn append(&self, notebook: &NotebookId, entries: Vec<LogEntry>) -> Result<()> {
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            rows.push(BatchRow {
                revision: signed(entry.batch.revision)?,
                client: entry.batch.client.as_str().to_owned(),
                sequence: signed(entry.batch.sequence)?,
                operations: serde_json::to_string(&entry.batch.operations)
                    .map_err(Error::broken)?,
                author: entry.author.as_str().to_owned(),
                author_name: entry.author_name,
                at: entry.at.0,
            });
        }
        if rows
            .windows(2)
            .any(|pair| pair[1].revision != pair[0].revision + 1)
        {
            return Err(Error::broken(format!(
                "an append to {notebook} leaves out a revision"
            )));
        }
        self.writer
            .submit(Work::Batches {
                notebook: notebook.as_str().to_owned(),
                rows,
            })
            .await
    }

    /// Keeps a snapshot and the one before it.
    pub async fn keep_snapshot(
        &self,
        notebook: &NotebookId,
        snapshot: &StoredSnapshot,
        at: Timestamp,
    ) -> Result<()> {
        let revision = signed(snapshot.revision)?;
        change!(self, tx => {
            let newest: Option<i64> = sqlx::query_scalar("select revision from notebooks where id = $1")
                .bind(notebook.as_str())
                .fetch_optional(&mut *tx)
                .await?;
            match newest {
                None => return Err(Error::NoSuchNotebook),
                // A snapshot ahead of the log would hide the batches that are still to come.
                Some(newest) if newest < revision => return Err(Error::NotOwner),
                Some(_) => {}
            }
            sqlx::query(
                "insert into snapshots (notebook_id, revision, document, at) values ($1, $2, $3, $4)
                 on conflict (notebook_id, revision) do update set document = excluded.document, at = excluded.at",
            )
            .bind(notebook.as_str())
            .bind(revision)
            .bind(&snapshot.document)
            .bind(at.0)
            .execute(&mut *tx)
            .await?;
            sqlx::query(
                "delete from snapshots where notebook_id = $1 and revision not in
                 (select revision from snapshots where notebook_id = $1 order by revision desc limit 2)",
            )
            .bind(notebook.as_str())
            .execute(&mut *tx)
            .await?;
        });
        Ok(())
    }
}

/// Revisions and sequences are `u64` outside and `bigint` in here.
pub(crate) fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::broken("a number does not fit the database"))
}

pub(crate) fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| Error::broken("the database holds a negative revision"))
}

fn client_id(text: String) -> Result<ClientId> {
    ClientId::new(text).ok_or_else(|| Error::broken("the database holds a client id that is none"))
}
