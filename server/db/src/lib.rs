//! Facts: all SQL of the studio and its migrations, one text for SQLite and Postgres.
//!
//! Nothing here decides who may do what: `service` does, and asks this crate for facts. What differs between the two
//! engines stands in `dialect.rs` and nowhere else. Appends to the logs of documents and runs go through one writer
//! task that commits many of them at once (see `writer.rs`).

#[macro_use]
mod engine;
mod accounts;
mod audit;
mod blobs;
mod dialect;
mod error;
mod ledger;
mod lock;
mod migrations;
mod notebooks;
mod provider;
mod runs;
mod spaces;
mod tokens;
mod writer;

pub use accounts::{FoundSession, NewSession, StoredUser};
pub use audit::{Audit, AuditHead, StoredAudit};
pub use engine::Db;
pub use error::{Error, Result};
pub use ledger::{OpeningFacts, StoredSnapshot};
pub use lock::DirectoryLock;
pub use notebooks::{BlobFacts, NewNotebookFacts, NotebookFacts};
pub use provider::{Brought, FoundGrant, GrantTerms, NewGrant, SigningKeyFacts};
pub use runs::{RunFacts, Since};
pub use spaces::{MemberChange, SpaceFacts};
pub use tokens::{FoundToken, NewTokenFacts};
pub use writer::WriterCounts;
