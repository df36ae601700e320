//! Migrations: one ordered folder for both engines, built into the binary.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::engine::Engine;
use crate::{Error, Result, dialect};

/// Number, name, words. Never edit one that was released: add the next.
pub(crate) type Step = (i64, &'static str, &'static str);

pub(crate) const ALL: &[Step] = &[
    (
        1,
        "foundation",
        include_str!("../migrations/0001_foundation.sql"),
    ),
    (2, "tokens", include_str!("../migrations/0002_tokens.sql")),
    (
        3,
        "audit_chain",
        include_str!("../migrations/0003_audit_chain.sql"),
    ),
    (
        4,
        "provider",
        include_str!("../migrations/0004_provider.sql"),
    ),
];

/// Brings the database to the last of `steps`. A SQLite database that holds something is copied beside itself first.
pub(crate) async fn run(engine: &Engine, steps: &[Step]) -> Result<()> {
    let newest = steps.last().map_or(0, |(number, ..)| *number);
    let have = applied(engine).await?;
    if have > newest {
        return Err(Error::unavailable(
            "database.newer",
            format!(
                "the database was written by a newer Datalayer (schema {have}, this one knows {newest}); \
                 start that version, or restore a copy from before"
            ),
        ));
    }
    if have == newest {
        return Ok(());
    }
    let migrator = Migrator::with_migrations(
        steps
            .iter()
            .map(|(number, name, words)| {
                Migration::new(
                    *number,
                    Cow::Borrowed(*name),
                    MigrationType::Simple,
                    words.into_sql_str(),
                    false,
                )
            })
            .collect(),
    );
    let done = match engine {
        Engine::Sqlite { write, .. } => {
            if have > 0 {
                dialect::copy_beside(write, &format!("before-{newest}.sqlite")).await?;
            }
            migrator.run(write).await
        }
        Engine::Postgres(pool) => migrator.run(pool).await,
    };
    done.map_err(|error| match error {
        MigrateError::Execute(cause) => Error::from(cause),
        MigrateError::ExecuteMigration(cause, number) => match Error::from(cause) {
            Error::Broken(cause) => Error::broken(format!("migration {number}: {cause}")),
            other => other,
        },
        other => Error::broken(other),
    })
}

/// The newest step the database has; 0 for an empty one.
async fn applied(engine: &Engine) -> Result<i64> {
    match engine {
        Engine::Sqlite { read, .. } => {
            let known: Option<String> = sqlx::query_scalar(
                "select name from sqlite_master where type = 'table' and name = '_sqlx_migrations'",
            )
            .fetch_optional(read)
            .await?;
            if known.is_none() {
                return Ok(0);
            }
            let newest: Option<i64> =
                sqlx::query_scalar("select max(version) from _sqlx_migrations")
                    .fetch_one(read)
                    .await?;
            Ok(newest.unwrap_or(0))
        }
        Engine::Postgres(pool) => {
            let known: Option<String> =
                sqlx::query_scalar("select cast(to_regclass('_sqlx_migrations') as text)")
                    .fetch_one(pool)
                    .await?;
            if known.is_none() {
                return Ok(0);
            }
            let newest: Option<i64> =
                sqlx::query_scalar("select max(version) from _sqlx_migrations")
                    .fetch_one(pool)
                    .await?;
            Ok(newest.unwrap_or(0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &[Step] = &[ALL[0]];
    const MORE: &[Step] = &[
        ALL[0],
        (
            2,
            "more",
            "create table more (id text not null primary key)",
        ),
    ];

    #[tokio::test]
    async fn a_database_that_holds_something_is_copied_before_it_is_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("datalayer.sqlite");
        let engine = dialect::open(&file.display().to_string()).await.unwrap();
        run(&engine, FIRST).await.unwrap();
        assert!(
            !folder.path().join("datalayer.before-1.sqlite").exists(),
            "an empty database is not worth a copy"
        );
        run(&engine, MORE).await.unwrap();
        assert!(folder.path().join("datalayer.before-2.sqlite").exists());
        let copy = dialect::open(
            &folder
                .path()
                .join("datalayer.before-2.sqlite")
                .display()
                .to_string(),
        )
        .await
        .unwrap();
        assert_eq!(applied(&copy).await.unwrap(), 1);
        assert_eq!(applied(&engine).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_newer_database_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let engine = dialect::open(&folder.path().join("d.sqlite").display().to_string())
            .await
            .unwrap();
        run(&engine, MORE).await.unwrap();
        let refused = run(&engine, FIRST).await.unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("newer Datalayer (schema 2, this one knows 1)"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn migrating_twice_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let engine = dialect::open(&folder.path().join("d.sqlite").display().to_string())
            .await
            .unwrap();
        run(&engine, FIRST).await.unwrap();
        run(&engine, FIRST).await.unwrap();
        assert_eq!(applied(&engine).await.unwrap(), 1);
    }
}
