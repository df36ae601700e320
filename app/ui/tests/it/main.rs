//! What the styles promise, measured from their own sources.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by stopping there"
)]

mod contrast;
mod sources;
