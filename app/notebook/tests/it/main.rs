//! Proof of the engine from outside: laws, simulation, mutated inputs, real notebooks.

mod corpus;
mod laws;
mod mutation;
mod random;
mod simulation;
