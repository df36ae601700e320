//! Pace: how fast something may go on, as the generic cell rate algorithm counts it (ITU-T I.371).

use std::time::Duration;

use tokio::time::Instant;

/// One event per `interval`, with a burst before it. Two words of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// When the next event would be due if all had kept the interval.
    due: Instant,
    interval: Duration,
    burst: u32,
}

impl Pace {
    pub(crate) fn new(now: Instant, per_second: u32, burst: u32) -> Self {
        Self {
            due: now,
            interval: Duration::from_secs(1) / per_second.max(1),
            burst: burst.max(1),
        }
    }

    /// How long the next event has to wait; zero when it may go now.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let slack = self.interval * (self.burst - 1);
        self.due
            .saturating_duration_since(now)
            .saturating_sub(slack)
    }

    /// Counts one event.
    pub(crate) fn count(&mut self, now: Instant) {
        self.due = self.due.max(now) + self.interval;
    }

    /// Has it been quiet for so long that a whole burst may come again?
    pub(crate) fn is_rested(&self, now: Instant) -> bool {
        self.due <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_interval_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(start, 50, 100);
        for _ in 0..100 {
            assert_eq!(pace.wait(start), Duration::ZERO);
            pace.count(start);
        }
        assert_eq!(pace.wait(start), Duration::from_millis(20));
        assert_eq!(pace.wait(start + Duration::from_millis(20)), Duration::ZERO);
        assert!(!pace.is_rested(start + Duration::from_millis(1_999)));
        assert!(pace.is_rested(start + Duration::from_secs(2)));
    }
}
