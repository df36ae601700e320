//! REST: the audit log.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use datalayer::{AuditEntry, Page, PageRequest};

use crate::accounts::asked;
use crate::problem::Answer;
use crate::visitor::Me;

pub async fn list(
    Me(me): Me,
    page: Result<Query<PageRequest>, QueryRejection>,
) -> Answer<axum::Json<Page<AuditEntry>>> {
    Ok(axum::Json(me.audit_log(asked(page)?).await?))
}
