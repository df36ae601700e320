//! What the styles promise, measured from their own sources.

mod contrast;
mod sources;
