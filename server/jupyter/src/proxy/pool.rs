//! Connections that nobody uses just now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::wire::Wire;

/// How often connections are looked at that nobody uses.
const SWEEP: Duration = Duration::from_secs(1);

/// Boxed: a wire is large, and goes from hand to hand.
type Kept = Box<Wire>;

pub struct Pool {
    /// The one used last is taken first, so that those too many grow old.
    wires: Mutex<Vec<Kept>>,
    kept: usize,
    swept: AtomicBool,
}

impl Pool {
    pub fn new(kept: usize) -> Arc<Self> {
        Arc::new(Self {
            wires: Mutex::default(),
            kept,
            swept: AtomicBool::new(false),
        })
    }

    /// One that still stands, as far as one can see from here.
    pub fn take(&self) -> Option<Box<Wire>> {
        let now = Instant::now();
        loop {
            let mut wire = self.wires().pop()?;
            if !wire.is_stale(now) && wire.is_free() {
                return Some(wire);
            }
        }
    }

    /// Bring back one that may be used again; one that may not is closed.
    pub fn bring(self: &Arc<Self>, mut wire: Box<Wire>) {
        if wire.is_stale(Instant::now()) || !wire.is_free() {
            return;
        }
        {
            let mut wires = self.wires();
            if wires.len() >= self.kept {
                return;
            }
            wires.push(wire);
        }
        if !self.swept.swap(true, Ordering::Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn wires(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is there one left?
    fn sweep(&self) -> bool {
        let now = Instant::now();
        let mut gone = Vec::new();
        let mut wires = self.wires();
        let mut at = 0;
        while at < wires.len() {
            if wires[at].is_stale(now) || !wires[at].is_free() {
                gone.push(wires.remove(at));
            } else {
                at += 1;
            }
        }
        let left = !wires.is_empty();
        if !left {
            // Under the lock, so that whoever brings the next one starts the next sweeper.
            self.swept.store(false, Ordering::Relaxed);
        }
        drop(wires);
        left
    }
}

/// Nothing else notices that the other side has closed a connection that nobody drives.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.sweep() {
            return;
        }
    }
}
