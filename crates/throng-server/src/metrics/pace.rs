//! How fast answers end, for those who ask when to come back.

use std::collections::VecDeque;
use std::time::Instant;

/// Answers that the pace is taken from.
const RECENT: usize = 32;
/// The longest wait that is advised: who waits longer than this had better be told again.
const MAX_SECONDS: f64 = 60.0;

/// When the last answers ended.
#[derive(Debug, Default)]
pub(crate) struct Pace(VecDeque<Instant>);

impl Pace {
    /// An answer has ended.
    pub(crate) fn ended(&mut self, now: Instant) {
        if self.0.len() == RECENT {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Nobody was there for a while, which says nothing of the pace.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Seconds in which so many that wait will have been served, if it goes on as it did; 1 where
    /// nothing is known.
    pub(crate) fn seconds(&self, waiting: usize) -> u64 {
        self.seconds_at(waiting, Instant::now())
    }

    fn seconds_at(&self, waiting: usize, now: Instant) -> u64 {
        let Some(first) = self.0.front() else { return 1 };
        let each = now.saturating_duration_since(*first).as_secs_f64() / self.0.len() as f64;
        // Between 1 and 60, so nothing is lost.
        (waiting as f64 * each).ceil().clamp(1.0, MAX_SECONDS) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Pace;

    #[test]
    fn a_longer_queue_is_a_longer_wait() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.seconds_at(100, start), 1);
        // Two a second.
        for half in 0..100 {
            pace.ended(start + Duration::from_millis(500 * half));
        }
        let now = start + Duration::from_secs(50);
        assert_eq!(pace.seconds_at(0, now), 1);
        assert_eq!(pace.seconds_at(20, now), 10);
        assert_eq!(pace.seconds_at(1000, now), 60);
        // Nothing has ended for a while: the pace is what it is now, not what it was.
        assert_eq!(pace.seconds_at(20, now + Duration::from_secs(16)), 20);
    }
}
