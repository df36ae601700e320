//! The audit log: who did what to what. It is only ever written behind its end.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Page, PageRequest, Result, Timestamp};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// 1 for the first, then one more each: none can be missing.
    pub number: i64,
    pub at: Timestamp,
    /// A user's id, or `operator` for whoever holds the data folder.
    pub actor: String,
    /// As others see whoever did it; empty for the operator.
    pub actor_name: String,
    /// `session.opened`, `member.set`, …
    pub action: String,
    pub object: String,
    pub detail: String,
    /// SHA-256 over this entry and the hash of the one before it.
    pub hash: String,
}

#[async_trait]
pub trait Audits: Send + Sync {
    /// The newest entries first. Administrators only.
    async fn audit_log(&self, page: PageRequest) -> Result<Page<AuditEntry>>;
}
