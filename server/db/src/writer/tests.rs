//! The writer when the disk is full, when someone else writes, and whether it flushes.

use datalayer::{LogEntry, NotebookId, SpaceId, Timestamp, User, UserId};
use notebook::{Accepted, ClientId, Operation};
use sqlx::sqlite::SqlitePool;

use super::*;
use crate::{Audit, Db, NewNotebookFacts, SpaceFacts};

struct Place {
    db: Db,
    notebook: NotebookId,
    author: UserId,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("d.sqlite").display().to_string())
            .await
            .unwrap();
        let at = Timestamp(1);
        let (author, space, notebook) = (
            UserId::from_parts(1, 1),
            SpaceId::from_parts(1, 1),
            NotebookId::from_parts(1, 1),
        );
        let user = User {
            id: author.clone(),
            username: "ada".into(),
            name: "Ada".into(),
            administrator: true,
            created_at: at,
            disabled_at: None,
        };
        let home = SpaceFacts {
            id: space.clone(),
            name: "Home".into(),
            name_key: "home".into(),
            description: String::new(),
            created_at: at,
            archived_at: None,
            notebooks: 0,
            members: 1,
            role: None,
        };
        let first = NewNotebookFacts {
            id: notebook.clone(),
            space,
            title: "First".into(),
            kernel: String::new(),
            at,
            by: author.clone(),
            original: None,
            document: "{}".into(),
            fold: String::new(),
            blobs: Vec::new(),
        };
        let entry = Audit {
            id: "a".into(),
            at,
            actor: "x".into(),
            action: "x",
            object: "x".into(),
            detail: String::new(),
        };
        assert!(
            db.add_first_user(None, &user, "hash", (&home, &first), &entry)
                .await
                .unwrap()
        );
        Self {
            db,
            notebook,
            author,
            folder,
        }
    }

    async fn append(&self, revision: u64, text: &str) -> Result<()> {
        let set = Operation::SetNotebookMetadata {
            key: "k".into(),
            value: Some(text.into()),
        };
        let client = ClientId::new("tab").unwrap();
        let batch = Accepted {
            revision,
            client,
            sequence: revision,
            operations: vec![set],
        };
        let entry = LogEntry {
            batch,
            author: self.author.clone(),
            author_name: "Ada".into(),
            at: Timestamp(2),
        };
        self.db.append(&self.notebook, vec![entry]).await
    }

    fn writing(&self) -> &SqlitePool {
        match &self.db.engine {
            Engine::Sqlite { write, .. } => write,
            Engine::Postgres(_) => unreachable!("a SQLite place"),
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_said_reading_goes_on_and_saving_comes_back_with_space() {
    let place = Place::new().await;
    place.append(1, "fits").await.unwrap();
    let pages: i64 = sqlx::query_scalar("pragma page_count")
        .fetch_one(place.writing())
        .await
        .unwrap();
    let limit = |pages: i64| sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}"));
    sqlx::query(limit(pages + 4))
        .execute(place.writing())
        .await
        .unwrap();
    let refused = place.append(2, &"x".repeat(200_000)).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            Error::Unavailable {
                code: "database.full",
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(refused.to_string().contains("the disk is full"));
    assert_eq!(
        place.db.log_after(&place.notebook, 0).await.unwrap().len(),
        1,
        "nothing of it was written"
    );
    sqlx::query(limit(pages + 400))
        .execute(place.writing())
        .await
        .unwrap();
    place.append(2, &"x".repeat(200_000)).await.unwrap();
    assert_eq!(
        place.db.log_after(&place.notebook, 0).await.unwrap().len(),
        2
    );
}

#[tokio::test]
async fn a_database_another_program_holds_is_busy_and_then_goes_on() {
    let place = Place::new().await;
    sqlx::query("pragma busy_timeout = 20")
        .execute(place.writing())
        .await
        .unwrap();
    let other = Db::open(&place.folder.path().join("d.sqlite").display().to_string())
        .await
        .unwrap();
    let Engine::Sqlite { write, .. } = &other.engine else {
        unreachable!("a SQLite place")
    };
    let held = write.begin_with(crate::dialect::BEGIN_WRITE).await.unwrap();
    let refused = place.append(1, "waits").await.unwrap_err();
    assert!(
        matches!(
            &refused,
            Error::Unavailable {
                code: "database.busy",
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(
        place.db.users(None, 10).await.unwrap().len(),
        1,
        "reading goes on"
    );
    held.rollback().await.unwrap();
    place.append(1, "waits").await.unwrap();
}

#[tokio::test]
async fn every_commit_is_flushed_to_disk() {
    let place = Place::new().await;
    let synchronous: i64 = sqlx::query_scalar("pragma synchronous")
        .fetch_one(place.writing())
        .await
        .unwrap();
    let journal: String = sqlx::query_scalar("pragma journal_mode")
        .fetch_one(place.writing())
        .await
        .unwrap();
    let foreign: i64 = sqlx::query_scalar("pragma foreign_keys")
        .fetch_one(place.writing())
        .await
        .unwrap();
    assert_eq!(
        (synchronous, journal.as_str(), foreign),
        (2, "wal", 1),
        "2 is FULL"
    );
}
