//! The rules: implements the verbs of `datalayer` over facts (`db`), bytes (`storage`) and identity (`iam`).
//! This is the only place that says no.
//!
//! A [`House`] is the studio's inside. A door asks [`House::caller_of`] who holds a cookie and gets, from [`House::visit`],
//! every verb bound to that caller. Rooms and runtimes get the house as their `Ledger` and `RunLedger`.

mod accounts;
mod audit;
mod blobs;
mod callers;
mod clock;
mod garbage;
mod house;
mod ledger;
mod notebooks;
mod operator;
mod provider;
mod recent;
mod runs;
mod spaces;
mod tokens;
mod visit;
mod watch;
mod welcome;

pub use accounts::Opening;
pub use audit::AuditCheck;
pub use callers::{SESSION_IDLE_SECONDS, SESSION_LIFETIME_SECONDS};
pub use clock::Clock;
pub use garbage::Collected;
pub use house::{Config, House};
pub use provider::{Provider, ProviderConfig};
