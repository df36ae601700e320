//! How much and how long.

use std::time::Duration;

/// What bounds a [`super::Proxy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A connection to the Hub's proxy must stand within this time.
    pub connect: Duration,
    /// An answer's head must have come this long after the last byte of the request. What comes behind the head has no
    /// limit: spawn progress and logs are streams that are silent for as long as nothing happens.
    pub silence: Duration,
    /// A connection nobody uses is kept this long, less where the other side says how long it keeps its own.
    pub idle: Duration,
    /// Connections kept at most while nobody uses them.
    pub kept: usize,
    /// Requests and sockets under way at most, each with a connection of its own; who comes later is told to try again.
    pub open: usize,
    /// Bytes of an answer's head. (The request's head is bounded by the server it came through.)
    pub head: usize,
    /// A socket of which one end has closed its half is ended when nothing came through the other for so long.
    pub half_closed: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            silence: Duration::from_secs(600),
            idle: Duration::from_secs(30),
            kept: 128,
            open: 4_096,
            head: 64 * 1024,
            half_closed: Duration::from_secs(60),
        }
    }
}
