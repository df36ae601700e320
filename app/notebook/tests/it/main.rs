//! Proof of the engine from outside: laws, simulation, mutated inputs, real notebooks.

#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by stopping there"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests chooses their size"
)]

mod corpus;
mod laws;
mod mutation;
mod presence;
mod random;
mod simulation;
