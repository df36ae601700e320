//! Datalayer-API: the nouns and verbs of the studio. No I/O, no database, no HTTP: who knows this crate knows what the studio does.
//!
//! Verbs are async traits, reached through a [`Session`] that is bound to one caller, so they take no user id.
//! `service` implements them; the pages, REST and the command line call them.

mod accounts;
mod audit;
mod error;
mod ids;
mod ledger;
mod live;
mod moment;
mod notebooks;
mod page;
mod provider;
mod roles;
mod session;
mod spaces;
mod tokens;

pub use accounts::{
    Accounts, Browser, Caller, Credentials, Key, NewUser, PasswordChange, SessionInfo, User,
};
pub use audit::{AuditEntry, Audits};
pub use error::{Error, Noun, Result};
pub use ids::{NotebookId, SessionId, SpaceId, TokenId, UserId};
pub use ledger::{Ledger, LogEntry, Opening, RunLedger, SpoolMark};
pub use live::{Kernel, Live, RunRequest, Runner, RuntimeNews, Seat, Wire};
pub use moment::Timestamp;
pub use notebooks::{
    Cover, Exported, Format, KernelActivity, NewNotebook, Notebook, NotebookChange, NotebookView,
    Notebooks, OpenNotebook, Outputs, Reader, RunningCell, RunningNotebook,
};
pub use page::{Page, PageRequest};
pub use provider::{
    Claims, Granted, HUB_CLIENT, KeySet, Leaving, OauthError, Parameters, Proof, Provider,
    PublicKey, Refusal, Way, hub_name,
};
pub use roles::Role;
pub use session::{Session, ThisBrowser, Verbs};
pub use spaces::{Member, NewSpace, Space, SpaceChange, Spaces};
pub use tokens::{CreatedToken, NewToken, Scope, Scopes, TokenInfo, Tokens};
