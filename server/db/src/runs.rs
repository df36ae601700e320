//! The log of runs: events, the fold that shortens its replay, and how far each kernel's spool was read.

use datalayer::{NotebookId, SpoolMark};
use notebook::runs::RunEvent;

use crate::ledger::{signed, unsigned};
use crate::writer::{RunRow, Work};
use crate::{Db, Error, Result};

/// Events kept behind a fold, for browsers that come back and ask for what they missed.
const KEPT_EVENTS: i64 = 10_000;

/// A notebook's runs as they are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFacts {
    /// JSON; empty where nothing was folded yet.
    pub fold: String,
    /// The events the fold does not hold.
    pub events: Vec<RunEvent>,
}

/// The answer to "what came since".
#[derive(Clone, Debug, PartialEq)]
pub enum Since {
    Events(Vec<RunEvent>),
    /// More than was asked for, or no longer kept.
    TooMany,
    NoSuchNotebook,
}

impl Db {
    /// `None`: there is no such notebook.
    pub async fn runs(&self, notebook: &NotebookId) -> Result<Option<RunFacts>> {
        if self.run_sequence(notebook).await?.is_none() {
            return Ok(None);
        }
        // The fold first: one that is written in between holds more, and folding an event twice changes nothing.
        let fold: Option<(i64, String)> = on!(self, pool => {
            sqlx::query_as("select sequence, fold from run_folds where notebook_id = $1")
                .bind(notebook.as_str())
                .fetch_optional(pool)
                .await?
        });
        let (sequence, fold) = fold.unwrap_or_default();
        let events = self.run_events(notebook, sequence, i64::MAX).await?;
        Ok(Some(RunFacts { fold, events }))
    }

    /// Durable when it returns, with its mark; commits are shared.
    pub async fn append_runs(
        &self,
        notebook: &NotebookId,
        events: Vec<RunEvent>,
        mark: Option<SpoolMark>,
    ) -> Result<()> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            rows.push(RunRow {
                sequence: signed(event.sequence)?,
                event: serde_json::to_string(&event).map_err(Error::broken)?,
            });
        }
        if rows
            .windows(2)
            .any(|pair| pair[1].sequence != pair[0].sequence + 1)
        {
            return Err(Error::broken(format!(
                "an append to the runs of {notebook} leaves out an event"
            )));
        }
        let mark = mark
            .map(|mark| Ok::<_, Error>((mark.kernel, signed(mark.offset)?)))
            .transpose()?;
        self.writer
            .submit(Work::Runs {
                notebook: notebook.as_str().to_owned(),
                rows,
                mark,
            })
            .await
    }

    /// Keeps a fold; events far behind it are dropped. An older fold than the one there changes nothing.
    pub async fn keep_fold(&self, notebook: &NotebookId, sequence: u64, fold: &str) -> Result<()> {
        let sequence = signed(sequence)?;
        change!(self, tx => {
            sqlx::query(
                "insert into run_folds (notebook_id, sequence, fold) values ($1, $2, $3)
                 on conflict (notebook_id) do update set sequence = excluded.sequence, fold = excluded.fold
                 where run_folds.sequence <= excluded.sequence",
            )
            .bind(notebook.as_str())
            .bind(sequence)
            .bind(fold)
            .execute(&mut *tx)
            .await?;
            sqlx::query("delete from run_events where notebook_id = $1 and sequence <= $2")
                .bind(notebook.as_str())
                .bind(sequence - KEPT_EVENTS)
                .execute(&mut *tx)
                .await?;
        });
        Ok(())
    }

    pub async fn runs_since(
        &self,
        notebook: &NotebookId,
        sequence: u64,
        limit: u32,
    ) -> Result<Since> {
        let Some(newest) = self.run_sequence(notebook).await? else {
            return Ok(Since::NoSuchNotebook);
        };
        let after = signed(sequence)?;
        // From the future: whoever asks knows a log that is not this one.
        if after > newest || newest - after > i64::from(limit) {
            return Ok(Since::TooMany);
        }
        let events = self
            .run_events(notebook, after, i64::from(limit) + 1)
            .await?;
        let whole = events.len() <= limit as usize
            && i64::try_from(events.len()).is_ok_and(|count| count >= newest - after)
            && events
                .iter()
                .zip(sequence + 1..)
                .all(|(event, expected)| event.sequence == expected);
        Ok(if whole {
            Since::Events(events)
        } else {
            Since::TooMany
        })
    }

    pub async fn spool_mark(&self, kernel: &str) -> Result<Option<SpoolMark>> {
        let offset: Option<i64> = on!(self, pool => {
            sqlx::query_scalar("select spool_offset from spool_marks where kernel = $1")
                .bind(kernel)
                .fetch_optional(pool)
                .await?
        });
        offset
            .map(|offset| {
                Ok(SpoolMark {
                    kernel: kernel.to_owned(),
                    offset: unsigned(offset)?,
                })
            })
            .transpose()
    }

    async fn run_sequence(&self, notebook: &NotebookId) -> Result<Option<i64>> {
        Ok(on!(self, pool => {
            sqlx::query_scalar("select run_sequence from notebooks where id = $1")
                .bind(notebook.as_str())
                .fetch_optional(pool)
                .await?
        }))
    }

    async fn run_events(
        &self,
        notebook: &NotebookId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<RunEvent>> {
        let rows: Vec<String> = on!(self, pool => {
            sqlx::query_scalar(
                "select event from run_events where notebook_id = $1 and sequence > $2 order by sequence limit $3",
            )
            .bind(notebook.as_str())
            .bind(after)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        rows.into_iter()
            .map(|event| {
                serde_json::from_str(&event)
                    .map_err(|error| Error::broken(format!("a run event of {notebook}: {error}")))
            })
            .collect()
    }
}
