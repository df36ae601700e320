//! What cannot be the same words on SQLite and Postgres.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::engine::Engine;
use crate::{Error, Result};

/// How the one writing connection of SQLite begins: taking the write lock at once, so that no transaction fails half-way.
pub(crate) const BEGIN_WRITE: &str = "begin immediate";

/// How long a statement waits for another process (an administrator's command beside the studio) to finish writing.
const BUSY: Duration = Duration::from_secs(5);
/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// Opens `postgres://…`, `sqlite://path` or a plain path.
pub(crate) async fn open(url: &str) -> Result<Engine> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(Engine::Postgres(open_postgres(url).await?))
    } else {
        let path = url
            .strip_prefix("sqlite://")
            .or_else(|| url.strip_prefix("sqlite:"))
            .unwrap_or(url);
        open_sqlite(Path::new(path)).await
    }
}

async fn open_sqlite(path: &Path) -> Result<Engine> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged change survives a power cut: every commit is flushed.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        .foreign_keys(true);
    let cannot = |error: sqlx::Error| match Error::from(error) {
        Error::Broken(cause) => Error::unavailable(
            "database.unreachable",
            format!(
                "the database file {} cannot be opened: {cause}",
                path.display()
            ),
        ),
        other => other,
    };
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE)
        // SQLite itself takes a transaction back when the disk is full. The driver does not notice and would count it as
        // open for ever: such a connection is closed, and the next caller gets a new one.
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(cannot)?;
    let read = SqlitePoolOptions::new()
        .max_connections(readers())
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(ACQUIRE)
        // Whoever writes past the one writer finds out at once.
        .connect_with(options.pragma("query_only", "on"))
        .await
        .map_err(cannot)?;
    Ok(Engine::Sqlite { read, write })
}

async fn open_postgres(url: &str) -> Result<PgPool> {
    let options = PgConnectOptions::from_str(url)
        // The address may hold a password: it is not repeated.
        .map_err(|_| {
            Error::unavailable(
                "database.address",
                "the database address is not one Postgres understands; it looks like postgres://user:password@host/name",
            )
        })?
        .application_name("datalayer")
        // Not left to the server's configuration: an acknowledged change is on disk.
        .options([("synchronous_commit", "on")]);
    let unreachable = |cause: &dyn std::fmt::Display| {
        Error::unavailable(
            "database.unreachable",
            format!(
                "Postgres at {}, port {}, does not let us in: {cause}",
                options.get_host(),
                options.get_port()
            ),
        )
    };
    // One connection by itself first: a pool hides the cause behind its own patience.
    match tokio::time::timeout(ACQUIRE, PgConnection::connect_with(&options)).await {
        Ok(Ok(connection)) => drop(connection.close().await),
        Ok(Err(cause)) => return Err(unreachable(&cause)),
        Err(_) => return Err(unreachable(&"no answer within 10 seconds")),
    }
    let pool = PgPoolOptions::new()
        .max_connections(20)
        .acquire_timeout(ACQUIRE)
        .connect_with(options.clone())
        .await;
    pool.map_err(|cause| unreachable(&cause))
}

/// A copy of a SQLite database as it is now, in one file; Postgres has its own tools.
pub(crate) async fn copy_beside(write: &SqlitePool, suffix: &str) -> Result<()> {
    let file = write.connect_options().get_filename().to_path_buf();
    let copy = file.with_extension(suffix);
    // `vacuum into` refuses to overwrite: a copy of an earlier try is the better one and stays.
    if copy.exists() {
        return Ok(());
    }
    sqlx::query("vacuum into $1")
        .bind(copy.display().to_string())
        .execute(write)
        .await?;
    Ok(())
}

/// Whether an engine's error code says "not now", and what people then read.
/// SQLite gives extended result codes in decimal, Postgres five characters of SQLSTATE.
pub(crate) fn unavailable(code: &str) -> Option<(&'static str, &'static str)> {
    const FULL: (&str, &str) = (
        "database.full",
        "the disk is full: nothing can be saved until space is free; reading still works",
    );
    const BUSY: (&str, &str) = (
        "database.busy",
        "the database is locked by another program; saving waits until it lets go",
    );
    const READ_ONLY: (&str, &str) = (
        "database.read_only",
        "the database can be read but not written; check its file's rights",
    );
    const DISK: (&str, &str) = (
        "database.disk",
        "the disk refused to write; check its health and space",
    );
    const GONE: (&str, &str) = (
        "database.unreachable",
        "the database does not answer; saving waits until it is back",
    );
    // SQLite's codes never have five digits.
    if code.len() == 5 {
        return match code {
            "53100" => Some(FULL),
            "25006" => Some(READ_ONLY),
            "58030" => Some(DISK),
            // Serialization failure, deadlock, lock not available, statement timeout, too many connections.
            "40001" | "40P01" | "55P03" | "57014" | "53300" => Some(BUSY),
            _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("53") => {
                Some(GONE)
            }
            _ => None,
        };
    }
    match code.parse::<u32>().ok()? & 0xff {
        5 | 6 => Some(BUSY),
        8 => Some(READ_ONLY),
        10 => Some(DISK),
        13 => Some(FULL),
        14 => Some(GONE),
        _ => None,
    }
}

fn readers() -> u32 {
    std::thread::available_parallelism().map_or(4, |cores| {
        u32::try_from(cores.get() * 2).unwrap_or(8).clamp(4, 16)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_say_that_the_disk_is_full_in_the_same_words() {
        assert_eq!(
            unavailable("13").map(|(code, _)| code),
            Some("database.full")
        );
        assert_eq!(
            unavailable("53100").map(|(code, _)| code),
            Some("database.full")
        );
    }

    #[test]
    fn a_lock_is_busy_and_a_broken_rule_is_not() {
        // SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, deadlock.
        for code in ["5", "517", "40P01", "40001"] {
            assert_eq!(
                unavailable(code).map(|(code, _)| code),
                Some("database.busy"),
                "{code}"
            );
        }
        // SQLITE_CONSTRAINT_FOREIGNKEY, foreign key violation, syntax error.
        for code in ["787", "23503", "42601"] {
            assert_eq!(unavailable(code), None, "{code}");
        }
    }

    #[test]
    fn a_server_that_shuts_down_is_unreachable() {
        for code in ["57P01", "57P03", "08006"] {
            assert_eq!(
                unavailable(code).map(|(code, _)| code),
                Some("database.unreachable"),
                "{code}"
            );
        }
    }
}
