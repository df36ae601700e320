//! The audit log: who may read it, and whether it is whole.

use async_trait::async_trait;
use datalayer::{AuditEntry, Audits, Error, Page, PageRequest, Result};
use db::AuditHead;

use crate::House;
use crate::accounts::cut;
use crate::visit::Visit;

/// Entries looked at together.
const PIECE: i64 = 1000;

/// What came of checking the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCheck {
    /// Entries that fit.
    pub entries: i64,
    /// The hash of the last of them.
    pub hash: String,
    /// The first entry that does not fit, and why.
    pub broken: Option<(i64, &'static str)>,
}

#[async_trait]
impl Audits for Visit {
    async fn audit_log(&self, page: PageRequest) -> Result<Page<AuditEntry>> {
        self.administrator()?;
        let before = match page.before.as_deref() {
            None => i64::MAX,
            Some(text) => text.parse().map_err(|_| {
                Error::invalid(
                    "before",
                    "page.before",
                    "pass on the `next` of the page before, as it came",
                )
            })?,
        };
        let limit = page.clamped();
        let stored = self.house.0.db.audit_before(before, limit + 1).await?;
        let mut items: Vec<_> = stored.into_iter().map(|stored| stored.entry).collect();
        let next = cut(&mut items, limit).map(|last| last.number.to_string());
        Ok(Page { items, next })
    }
}

impl House {
    /// The newest entries, for whoever holds the data folder.
    pub async fn last_audits(&self, count: i64) -> Result<Vec<AuditEntry>> {
        let stored = self.0.db.audit_before(i64::MAX, count).await?;
        Ok(stored.into_iter().map(|stored| stored.entry).collect())
    }

    /// Reads the whole log and checks every hash. It finds every entry that was changed, taken out or put in, and a log that was
    /// cut. Whoever can write the database can also write a whole new chain: so keep the hash this gives somewhere else.
    pub async fn check_audit(&self) -> Result<AuditCheck> {
        // Before the entries: what is written meanwhile stands behind it.
        let head = self.0.db.audit_head().await?;
        let mut last = AuditHead::default();
        loop {
            let piece = self.0.db.audit_after(last.number, PIECE).await?;
            let is_last = piece.is_empty();
            for stored in piece {
                let entry = &stored.entry;
                let why = if entry.number != last.number + 1 {
                    Some("the entries before it are missing")
                } else if entry.hash != stored.hash_behind(&last.hash) {
                    Some("it, or the one before it, is not what was written")
                } else {
                    None
                };
                if let Some(why) = why {
                    let broken = Some((entry.number, why));
                    return Ok(AuditCheck {
                        entries: last.number,
                        hash: last.hash,
                        broken,
                    });
                }
                if entry.number == head.number && entry.hash != head.hash {
                    let broken = Some((entry.number, "it is not the entry that was written last"));
                    return Ok(AuditCheck {
                        entries: last.number,
                        hash: last.hash,
                        broken,
                    });
                }
                last = AuditHead {
                    number: entry.number,
                    hash: stored.entry.hash,
                };
            }
            if is_last {
                break;
            }
        }
        let broken =
            (last.number < head.number).then_some((last.number + 1, "the log was cut here"));
        Ok(AuditCheck {
            entries: last.number,
            hash: last.hash,
            broken,
        })
    }
}
