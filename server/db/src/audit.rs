//! The audit log: who did what to what, append-only.

use datalayer::Timestamp;

use crate::{Db, Result};

/// One entry. Written in the transaction of the change it tells of, where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// A ULID, so that entries sort by time.
    pub id: String,
    pub at: Timestamp,
    /// User id, `operator`, or `nobody`.
    pub actor: String,
    /// `session.opened`, `member.set`, …
    pub action: &'static str,
    pub object: String,
    pub detail: String,
}

/// Writes an entry in a transaction that is open.
macro_rules! audit {
    ($tx:ident, $entry:expr) => {{
        let entry: &$crate::Audit = $entry;
        sqlx::query("insert into audit (id, at, actor, action, object, detail) values ($1, $2, $3, $4, $5, $6)")
            .bind(&entry.id)
            .bind(entry.at.0)
            .bind(&entry.actor)
            .bind(entry.action)
            .bind(&entry.object)
            .bind(&entry.detail)
            .execute(&mut *$tx)
            .await?;
    }};
}
pub(crate) use audit;

impl Db {
    /// The newest entries first: time, actor, action, object, detail.
    pub async fn audit_log(
        &self,
        limit: i64,
    ) -> Result<Vec<(Timestamp, String, String, String, String)>> {
        let rows: Vec<(i64, String, String, String, String)> = on!(self, pool => {
            sqlx::query_as("select at, actor, action, object, detail from audit order by at desc, id desc limit $1")
                .bind(limit)
                .fetch_all(pool)
                .await?
        });
        Ok(rows
            .into_iter()
            .map(|(at, actor, action, object, detail)| {
                (Timestamp(at), actor, action, object, detail)
            })
            .collect())
    }
}
