//! Rooms: live documents, one task for each open notebook. No sockets, no database: a room is handed wires by a door
//! and a ledger by the composition root.
//!
//! A room gives batches their order in memory, appends them to the ledger in groups, and only then acknowledges and
//! broadcasts them. Nobody ever sees a revision that is not durable: a reader who did would stand, after a crash, on a
//! revision that the log gives to another batch.

mod chair;
mod frames;
mod house;
mod pace;
mod room;

use std::time::Duration;

pub use house::Rooms;

/// The limits and rhythms of every room.
#[derive(Clone, Debug)]
pub struct Config {
    /// Tabs in one room at a time.
    pub seats: usize,
    /// Batches a second that one tab may keep up; a burst of twice as many passes, what is above is slowed down.
    pub batches_per_second: u32,
    /// Shortest time between two broadcasts of one person's caret.
    pub presence_interval: Duration,
    /// How long a room stays open with nobody in it.
    pub idle: Duration,
    /// Batches between two snapshots.
    pub snapshot_every: u64,
    /// How long batches that cannot be saved are kept and tried again before the room gives up.
    pub patience: Duration,
    /// Messages that may wait to be dealt with, and batches to be saved, before the tabs of a room have to wait.
    /// A large batch counts for several.
    pub inbox: u32,
    /// How long [`datalayer::Live::close`] waits for what is in hand.
    pub drain: Duration,
    /// Joins of one person, over all rooms: a burst, then so many a second.
    pub joins: (u32, u32),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seats: 200,
            batches_per_second: 50,
            presence_interval: Duration::from_millis(50),
            idle: Duration::from_secs(30),
            snapshot_every: 256,
            patience: Duration::from_secs(60),
            inbox: 1_000,
            drain: Duration::from_secs(3),
            joins: (2_000, 20),
        }
    }
}
