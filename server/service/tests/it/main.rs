//! The rules on both engines: every claim runs on SQLite and on Postgres.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[macro_use]
mod studio;
mod postgres;

mod accounts;
mod audit;
mod garbage;
mod house;
mod ledger;
mod notebooks;
mod provider;
mod runs;
mod spaces;
mod tokens;
