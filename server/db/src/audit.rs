//! The audit log: who did what to what, append-only, each entry chained to the one before it.

use std::fmt::Write as _;

use datalayer::{AuditEntry, Timestamp};
use sha2::{Digest, Sha256};

use crate::{Db, Result};

/// One entry. Written in the transaction of the change it tells of, where there is one, and last in it: it holds the end of
/// the chain until the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// A ULID, so that entries sort by time.
    pub id: String,
    pub at: Timestamp,
    /// User id, `operator`, `nobody`, or `studio` for what it does by itself.
    pub actor: String,
    /// `session.opened`, `member.set`, …
    pub action: &'static str,
    pub object: String,
    pub detail: String,
}

/// Where the chain ends: the number and hash of the last entry; 0 and nothing for an empty log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditHead {
    pub number: i64,
    pub hash: String,
}

/// An entry as it stands in the log, with what its hash is made of.
#[derive(Clone, Debug)]
pub struct StoredAudit {
    pub id: String,
    pub entry: AuditEntry,
}

impl StoredAudit {
    /// What its hash must be behind this one.
    pub fn hash_behind(&self, before: &str) -> String {
        let AuditEntry {
            number,
            at,
            actor,
            action,
            object,
            detail,
            ..
        } = &self.entry;
        chained(
            before,
            *number,
            [&self.id, &at.0.to_string(), actor, action, object, detail],
        )
    }
}

impl Audit {
    pub(crate) fn hash_behind(&self, before: &str, number: i64) -> String {
        let at = self.at.0.to_string();
        chained(
            before,
            number,
            [
                &self.id,
                &at,
                &self.actor,
                self.action,
                &self.object,
                &self.detail,
            ],
        )
    }
}

/// SHA-256 in hexadecimal over the hash before, the number, and each field behind its length in bytes, so that no two entries are
/// written alike.
fn chained(before: &str, number: i64, fields: [&str; 6]) -> String {
    let mut words = format!("{before} {number}");
    for field in fields {
        write!(words, " {}:{field}", field.len()).ok();
    }
    let digest = Sha256::digest(words.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").ok();
            hex
        })
}

/// Writes an entry in a transaction that is open.
macro_rules! audit {
    ($tx:ident, $entry:expr) => {{
        let entry: &$crate::Audit = $entry;
        let (number, before): (i64, String) = sqlx::query_as(
            "update audit_head set number = number + 1 where id = 1 returning number, hash",
        )
        .fetch_one(&mut *$tx)
        .await?;
        let hash = entry.hash_behind(&before, number);
        sqlx::query(
            "insert into audit (id, at, actor, action, object, detail, number, hash)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&entry.id)
        .bind(entry.at.0)
        .bind(&entry.actor)
        .bind(entry.action)
        .bind(&entry.object)
        .bind(&entry.detail)
        .bind(number)
        .bind(&hash)
        .execute(&mut *$tx)
        .await?;
        sqlx::query("update audit_head set hash = $1 where id = 1")
            .bind(&hash)
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(crate) use audit;

type Row = (
    String,
    i64,
    i64,
    String,
    Option<String>,
    String,
    String,
    String,
    String,
);

impl Db {
    /// The newest entries first, those before a number.
    pub async fn audit_before(&self, number: i64, limit: i64) -> Result<Vec<StoredAudit>> {
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(
                "select a.id, a.number, a.at, a.actor, u.name, a.action, a.object, a.detail, a.hash
                 from audit a left join users u on u.id = a.actor
                 where a.number < $1 order by a.number desc limit $2",
            )
            .bind(number)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        Ok(rows.into_iter().map(entry).collect())
    }

    /// Entries in the order they were written, those behind a number.
    pub async fn audit_after(&self, number: i64, limit: i64) -> Result<Vec<StoredAudit>> {
        let rows: Vec<Row> = on!(self, pool => {
            sqlx::query_as(
                "select a.id, a.number, a.at, a.actor, '', a.action, a.object, a.detail, a.hash
                 from audit a where a.number > $1 order by a.number limit $2",
            )
            .bind(number)
            .bind(limit)
            .fetch_all(pool)
            .await?
        });
        Ok(rows.into_iter().map(entry).collect())
    }

    pub async fn audit_head(&self) -> Result<AuditHead> {
        let head: Option<(i64, String)> = on!(self, pool => {
            sqlx::query_as("select number, hash from audit_head where id = 1")
                .fetch_optional(pool)
                .await?
        });
        Ok(head
            .map(|(number, hash)| AuditHead { number, hash })
            .unwrap_or_default())
    }

    /// The newest entries first: time, actor, action, object, detail.
    pub async fn audit_log(
        &self,
        limit: i64,
    ) -> Result<Vec<(Timestamp, String, String, String, String)>> {
        let entries = self.audit_before(i64::MAX, limit).await?;
        let told = entries.into_iter().map(|stored| {
            let AuditEntry {
                at,
                actor,
                action,
                object,
                detail,
                ..
            } = stored.entry;
            (at, actor, action, object, detail)
        });
        Ok(told.collect())
    }
}

fn entry((id, number, at, actor, name, action, object, detail, hash): Row) -> StoredAudit {
    StoredAudit {
        id,
        entry: AuditEntry {
            number,
            at: Timestamp(at),
            actor,
            actor_name: name.unwrap_or_default(),
            action,
            object,
            detail,
            hash,
        },
    }
}
