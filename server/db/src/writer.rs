//! The writer: one task per database that takes the appends of many rooms and runtimes and commits them together.
//!
//! While one commit is being flushed, the next work gathers; then all of it (at most [`GROUP`]) goes into one
//! transaction. So a lone writer waits for nobody, and many share the cost of a flush. Each append names the place in its
//! log it stands on (`notebooks.revision`, `notebooks.run_sequence`): where that moved, only this append fails, not its
//! neighbours. If a group fails as a whole for a reason of its content, every member is tried alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::{Postgres, QueryBuilder, Sqlite};
use tokio::sync::{mpsc, oneshot};

use crate::engine::Engine;
use crate::{Error, Result};

/// Appends in one transaction.
const GROUP: usize = 64;
/// Appends that may wait before a caller is held back.
const QUEUE: usize = 1024;
/// Rows of one `insert`: seven values each, far below SQLite's 32,766 and Postgres' 65,535.
const ROWS: usize = 1000;

/// One thing to make durable.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Batches {
        notebook: String,
        rows: Vec<BatchRow>,
    },
    Runs {
        notebook: String,
        rows: Vec<RunRow>,
        mark: Option<(String, i64)>,
    },
    /// Answered when everything before it is.
    Nothing,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BatchRow {
    pub revision: i64,
    pub client: String,
    pub sequence: i64,
    pub operations: String,
    pub author: String,
    pub author_name: String,
    pub at: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RunRow {
    pub sequence: i64,
    pub event: String,
}

/// How much was committed since the database was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterCounts {
    pub commits: u64,
    pub appends: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    commits: AtomicU64,
    appends: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> WriterCounts {
        WriterCounts {
            commits: self.commits.load(Ordering::Relaxed),
            appends: self.appends.load(Ordering::Relaxed),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct WriterHandle {
    jobs: mpsc::Sender<Job>,
    pub(crate) counters: Arc<Counters>,
}

#[derive(Debug)]
struct Job {
    work: Work,
    answer: oneshot::Sender<Result<()>>,
}

impl WriterHandle {
    /// Waits until the work is durable. Dropping this future does not take the work back.
    pub(crate) async fn submit(&self, work: Work) -> Result<()> {
        let closing = || {
            Error::unavailable(
                "studio.closing",
                "the studio is closing; try again in a moment",
            )
        };
        let (answer, answered) = oneshot::channel();
        self.jobs
            .send(Job { work, answer })
            .await
            .map_err(|_| closing())?;
        answered.await.map_err(|_| closing())?
    }
}

/// Starts the task. It ends when the last handle is gone.
pub(crate) fn start(engine: Engine) -> WriterHandle {
    let (jobs, mut inbox) = mpsc::channel::<Job>(QUEUE);
    let counters = Arc::new(Counters::default());
    let counted = Arc::clone(&counters);
    tokio::spawn(async move {
        let mut group = Vec::with_capacity(GROUP);
        while inbox.recv_many(&mut group, GROUP).await > 0 {
            commit(&engine, std::mem::take(&mut group), &counted).await;
        }
    });
    WriterHandle { jobs, counters }
}

async fn commit(engine: &Engine, group: Vec<Job>, counters: &Counters) {
    let (works, answers): (Vec<_>, Vec<_>) =
        group.into_iter().map(|job| (job.work, job.answer)).unzip();
    let verdicts = settle(engine, works, counters).await;
    counters.appends.fetch_add(
        u64::try_from(verdicts.iter().filter(|v| v.is_ok()).count()).unwrap_or(0),
        Ordering::Relaxed,
    );
    for (answer, verdict) in answers.into_iter().zip(verdicts) {
        // Whoever asked may be gone; the work is done all the same.
        let _ = answer.send(verdict);
    }
}

/// A verdict for each of `works`, in their order.
async fn settle(engine: &Engine, mut works: Vec<Work>, counters: &Counters) -> Vec<Result<()>> {
    match write(engine, &works).await {
        Ok(verdicts) => {
            counters.commits.fetch_add(1, Ordering::Relaxed);
            verdicts
        }
        Err(error @ Error::Unavailable { .. }) => vec![Err(error); works.len()],
        Err(error) if works.len() == 1 => vec![Err(error)],
        Err(_) => {
            // Something in the group cannot be written: halve it until that stands alone, so that the others still share commits.
            let rest = works.split_off(works.len() / 2);
            let mut verdicts = Box::pin(settle(engine, works, counters)).await;
            verdicts.extend(Box::pin(settle(engine, rest, counters)).await);
            verdicts
        }
    }
}

/// One transaction for all of `works`. `Err`: nothing of it was written; else a verdict for each.
async fn write(engine: &Engine, works: &[Work]) -> Result<Vec<Result<()>>> {
    // Rows are locked in one order everywhere, so that two studios on one Postgres never wait for each other in a circle.
    let mut order: Vec<usize> = (0..works.len()).collect();
    order.sort_by(|a, b| works[*a].notebook().cmp(works[*b].notebook()));
    let mut verdicts = vec![Ok(()); works.len()];
    match engine {
        Engine::Sqlite { write, .. } => {
            let mut tx = write.begin_with(crate::dialect::BEGIN_WRITE).await?;
            sqlite::write_in(&mut tx, works, &order, &mut verdicts).await?;
            tx.commit().await?;
        }
        Engine::Postgres(pool) => {
            let mut tx = pool.begin().await?;
            postgres::write_in(&mut tx, works, &order, &mut verdicts).await?;
            tx.commit().await?;
        }
    }
    Ok(verdicts)
}

impl Work {
    fn notebook(&self) -> &str {
        match self {
            Self::Batches { notebook, .. } | Self::Runs { notebook, .. } => notebook,
            Self::Nothing => "",
        }
    }
}

/// Rows gathered for one `insert`.
#[derive(Default)]
struct Gathered<'w> {
    batches: Vec<(&'w str, &'w BatchRow)>,
    events: Vec<(&'w str, &'w RunRow)>,
    /// One row per key: Postgres refuses to update a row twice in one statement.
    writers: BTreeMap<(&'w str, &'w str), i64>,
    marks: BTreeMap<&'w str, i64>,
}

/// The words are the same on both engines; the builder that numbers the placeholders is not.
macro_rules! write_on {
    ($module:ident, $database:ident) => {
        mod $module {
            use super::*;

            type Connection = <$database as sqlx::Database>::Connection;

            pub(super) async fn write_in(
                tx: &mut Connection,
                works: &[Work],
                order: &[usize],
                verdicts: &mut [Result<()>],
            ) -> Result<()> {
                let mut gathered = Gathered::default();
                for &index in order {
                    match &works[index] {
                        Work::Nothing => {}
                        Work::Batches { notebook, rows } => {
                            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
                            let moved = sqlx::query(
                                "update notebooks set revision = $1, edited_at = $2, edited_by = $3
                                 where id = $4 and revision = $5",
                            )
                            .bind(last.revision)
                            .bind(last.at)
                            .bind(&last.author)
                            .bind(notebook)
                            .bind(first.revision - 1)
                            .execute(&mut *tx)
                            .await?;
                            if moved.rows_affected() == 1 {
                                for row in rows {
                                    gathered.batches.push((notebook, row));
                                    let highest = gathered.writers.entry((notebook, &row.client)).or_default();
                                    *highest = row.sequence.max(*highest);
                                }
                            } else {
                                insert(tx, &mut gathered).await?;
                                verdicts[index] = batches_there(tx, notebook, rows).await?;
                            }
                        }
                        Work::Runs { notebook, rows, mark } => {
                            if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
                                let moved = sqlx::query(
                                    "update notebooks set run_sequence = $1 where id = $2 and run_sequence = $3",
                                )
                                .bind(last.sequence)
                                .bind(notebook)
                                .bind(first.sequence - 1)
                                .execute(&mut *tx)
                                .await?;
                                if moved.rows_affected() == 1 {
                                    gathered.events.extend(rows.iter().map(|row| (notebook.as_str(), row)));
                                } else {
                                    insert(tx, &mut gathered).await?;
                                    verdicts[index] = events_there(tx, notebook, rows).await?;
                                }
                            }
                            if let (Some((kernel, offset)), true) = (mark, verdicts[index].is_ok()) {
                                gathered.marks.insert(kernel, *offset);
                            }
                        }
                    }
                }
                insert(tx, &mut gathered).await
            }

            async fn insert(tx: &mut Connection, gathered: &mut Gathered<'_>) -> Result<()> {
                for rows in gathered.batches.chunks(ROWS) {
                    QueryBuilder::<$database>::new(
                        "insert into batches
                         (notebook_id, revision, client, sequence, operations, author_id, author_name, at) ",
                    )
                    .push_values(rows, |mut values, (notebook, row)| {
                        values
                            .push_bind(*notebook)
                            .push_bind(row.revision)
                            .push_bind(&row.client)
                            .push_bind(row.sequence)
                            .push_bind(&row.operations)
                            .push_bind(&row.author)
                            .push_bind(&row.author_name)
                            .push_bind(row.at);
                    })
                    .build()
                    .execute(&mut *tx)
                    .await?;
                }
                for rows in gathered.events.chunks(ROWS) {
                    QueryBuilder::<$database>::new("insert into run_events (notebook_id, sequence, event) ")
                        .push_values(rows, |mut values, (notebook, row)| {
                            values.push_bind(*notebook).push_bind(row.sequence).push_bind(&row.event);
                        })
                        .build()
                        .execute(&mut *tx)
                        .await?;
                }
                let writers: Vec<_> = std::mem::take(&mut gathered.writers).into_iter().collect();
                for rows in writers.chunks(ROWS) {
                    QueryBuilder::<$database>::new("insert into writers (notebook_id, client, sequence) ")
                        .push_values(rows, |mut values, ((notebook, client), sequence)| {
                            values.push_bind(*notebook).push_bind(*client).push_bind(*sequence);
                        })
                        .push(" on conflict (notebook_id, client) do update set sequence = excluded.sequence")
                        .build()
                        .execute(&mut *tx)
                        .await?;
                }
                for (kernel, offset) in std::mem::take(&mut gathered.marks) {
                    sqlx::query(
                        "insert into spool_marks (kernel, spool_offset) values ($1, $2)
                         on conflict (kernel) do update set spool_offset = excluded.spool_offset",
                    )
                    .bind(kernel)
                    .bind(offset)
                    .execute(&mut *tx)
                    .await?;
                }
                gathered.batches.clear();
                gathered.events.clear();
                Ok(())
            }

            /// An append whose answer was lost comes again: what is in the log word for word is durable already.
            async fn batches_there(tx: &mut Connection, notebook: &str, rows: &[BatchRow]) -> Result<Result<()>> {
                for row in rows {
                    let there: Option<(String, i64, String)> = sqlx::query_as(
                        "select client, sequence, operations from batches where notebook_id = $1 and revision = $2",
                    )
                    .bind(notebook)
                    .bind(row.revision)
                    .fetch_optional(&mut *tx)
                    .await?;
                    let same = there.is_some_and(|(client, sequence, operations)| {
                        client == row.client && sequence == row.sequence && operations == row.operations
                    });
                    if !same {
                        return refused(tx, notebook).await;
                    }
                }
                Ok(Ok(()))
            }

            async fn events_there(tx: &mut Connection, notebook: &str, rows: &[RunRow]) -> Result<Result<()>> {
                for row in rows {
                    let there: Option<String> =
                        sqlx::query_scalar("select event from run_events where notebook_id = $1 and sequence = $2")
                            .bind(notebook)
                            .bind(row.sequence)
                            .fetch_optional(&mut *tx)
                            .await?;
                    if there.as_deref() != Some(row.event.as_str()) {
                        return refused(tx, notebook).await;
                    }
                }
                Ok(Ok(()))
            }

            async fn refused(tx: &mut Connection, notebook: &str) -> Result<Result<()>> {
                let known: bool = sqlx::query_scalar("select exists (select 1 from notebooks where id = $1)")
                    .bind(notebook)
                    .fetch_one(&mut *tx)
                    .await?;
                Ok(Err(if known { Error::NotOwner } else { Error::NoSuchNotebook }))
            }
        }
    };
}

write_on!(sqlite, Sqlite);
write_on!(postgres, Postgres);

#[cfg(test)]
mod tests;
