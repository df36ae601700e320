//! The two engines, and the same words on whichever we were given.

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;

use crate::writer::{Counters, Work, WriterCounts, WriterHandle};
use crate::{Result, dialect, migrations, writer};

#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// Any number of readers, one writer: SQLite has one write lock, and waiting for it in our own queue is fair.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// Asks: the same words on either engine. `$pool` is a pool to read from.
macro_rules! on {
    ($db:expr, $pool:ident => $words:expr) => {
        match &$db.engine {
            $crate::engine::Engine::Sqlite { read: $pool, .. } => $words,
            $crate::engine::Engine::Postgres($pool) => $words,
        }
    };
}

/// Changes: one transaction, committed after the last word. Leaving early (`?`, `return`) takes everything back.
macro_rules! change {
    ($db:expr, $tx:ident => $words:block) => {
        match &$db.engine {
            $crate::engine::Engine::Sqlite { write, .. } => {
                let mut $tx = write.begin_with($crate::dialect::BEGIN_WRITE).await?;
                let value = $words;
                $tx.commit().await?;
                value
            }
            $crate::engine::Engine::Postgres(pool) => {
                let mut $tx = pool.begin().await?;
                let value = $words;
                $tx.commit().await?;
                value
            }
        }
    };
}

/// The database of a studio. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) engine: Engine,
    pub(crate) writer: WriterHandle,
}

impl Db {
    /// Opens and migrates a database: `postgres://…`, `sqlite://path` or a path.
    pub async fn open(url: &str) -> Result<Self> {
        let engine = dialect::open(url).await?;
        migrations::run(&engine, migrations::ALL).await?;
        let writer = writer::start(engine.clone());
        Ok(Self { engine, writer })
    }

    /// Which engine it is, as people call it.
    pub fn engine_name(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite { .. } => "SQLite",
            Engine::Postgres(_) => "Postgres",
        }
    }

    /// Does it answer?
    pub async fn ping(&self) -> Result<()> {
        on!(self, pool => {
            sqlx::query_scalar::<_, i64>("select cast(1 as bigint)").fetch_one(pool).await?;
        });
        Ok(())
    }

    /// How much the writer task has committed so far.
    pub fn writer_counts(&self) -> WriterCounts {
        self.writer.counters().read()
    }

    /// Commits what waits, then closes every connection.
    pub async fn close(&self) {
        // Whatever the answer: we are closing.
        let _ = self.writer.submit(Work::Nothing).await;
        match &self.engine {
            Engine::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

impl WriterHandle {
    fn counters(&self) -> &Counters {
        &self.counters
    }
}
