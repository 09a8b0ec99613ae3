//! A token bucket, counted from the other side: what was used of it, which time gives back. So a
//! limit can change while the bucket stays.

use std::time::Duration;

/// Limits are for so many seconds.
const WINDOW_SECONDS: f64 = 60.0;
/// What rounding may take away. Amounts are whole.
const TOLERANCE: f64 = 1e-6;

/// What was used and is not given back yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    used: f64,
    /// When `used` was so much.
    at: Duration,
}

/// A bucket at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// What can be used now.
    pub(super) remaining: u64,
    /// Until all of it can, if nothing is used.
    pub(super) reset: Duration,
}

/// There is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Short {
    /// What there is.
    pub(super) remaining: u64,
    /// Until there is enough; `None`: there never will be.
    pub(super) wait: Option<Duration>,
}

impl Bucket {
    /// Where it stands at `now`, with a limit of so much a minute.
    pub(super) fn level(&mut self, limit: u32, now: Duration) -> Level {
        self.advance(limit, now);
        Level { remaining: self.remaining(limit), reset: time_for(self.used, limit) }
    }

    /// Uses an amount.
    ///
    /// # Errors
    /// There is not so much; then nothing is used.
    pub(super) fn take(&mut self, amount: u64, limit: u32, now: Duration) -> Result<(), Short> {
        self.advance(limit, now);
        let missing = self.used + amount as f64 - f64::from(limit);
        if missing <= TOLERANCE {
            self.used += amount as f64;
            return Ok(());
        }
        let wait = (amount <= u64::from(limit)).then(|| time_for(missing, limit));
        Err(Short { remaining: self.remaining(limit), wait })
    }

    /// Corrects what was taken: `reserved` became `used`, which may be more.
    pub(super) fn settle(&mut self, reserved: u64, used: u64, limit: u32, now: Duration) {
        self.advance(limit, now);
        self.used = (self.used + used as f64 - reserved as f64).max(0.0);
    }

    fn remaining(&self, limit: u32) -> u64 {
        // Between 0 and a `u32`.
        (f64::from(limit) - self.used + TOLERANCE).max(0.0) as u64
    }

    /// Time gives back.
    fn advance(&mut self, limit: u32, now: Duration) {
        let seconds = now.saturating_sub(self.at).as_secs_f64();
        self.used = (self.used - seconds * f64::from(limit) / WINDOW_SECONDS).max(0.0);
        self.at = self.at.max(now);
    }
}

/// How long it takes until so much is given back.
fn time_for(amount: f64, limit: u32) -> Duration {
    // Amounts are sums of what requests may have, so this is far from a duration's end.
    Duration::try_from_secs_f64(amount * WINDOW_SECONDS / f64::from(limit)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{Bucket, Level, Short};

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_minute_gives_back_what_a_minute_may_use() {
        let mut bucket = Bucket::default();
        for remaining in [2, 1, 0] {
            assert_eq!(bucket.take(1, 3, at(0.0)), Ok(()));
            let reset = at(f64::from(3 - remaining) * 20.0);
            assert_eq!(bucket.level(3, at(0.0)), Level { remaining: remaining as u64, reset });
        }
        let short = Short { remaining: 0, wait: Some(at(20.0)) };
        assert_eq!(bucket.take(1, 3, at(0.0)), Err(short));
        assert_eq!(bucket.take(1, 3, at(15.0)), Err(Short { wait: Some(at(5.0)), ..short }));
        assert_eq!(bucket.take(1, 3, at(20.0)), Ok(()));
        assert_eq!(bucket.level(3, at(80.0)), Level { remaining: 3, reset: Duration::ZERO });
        assert_eq!(bucket.take(4, 3, at(80.0)), Err(Short { remaining: 3, wait: None }));
        assert_eq!(bucket.take(3, 3, at(80.0)), Ok(()));
        // A clock that goes back gives nothing, and takes nothing.
        assert_eq!(bucket.level(3, at(0.0)).remaining, 0);
        assert_eq!(bucket.level(3, at(100.0)).remaining, 1);
    }

    #[test]
    fn what_was_reserved_and_not_used_comes_back_and_what_was_used_beyond_is_owed() {
        let mut bucket = Bucket::default();
        bucket.take(500, 600, at(0.0)).unwrap();
        bucket.settle(500, 100, 600, at(0.0));
        assert_eq!(bucket.level(600, at(0.0)).remaining, 500);
        bucket.take(500, 600, at(0.0)).unwrap();
        bucket.settle(500, 1100, 600, at(0.0));
        assert_eq!(bucket.level(600, at(0.0)), Level { remaining: 0, reset: at(120.0) });
        assert_eq!(bucket.level(600, at(60.0)).remaining, 0);
        assert_eq!(bucket.level(600, at(61.0)).remaining, 10);
        // What time has given back is not given back again.
        bucket.settle(10_000, 0, 600, at(61.0));
        assert_eq!(bucket.level(600, at(61.0)).remaining, 600);
    }

    #[test]
    fn a_limit_that_changes_leaves_what_was_used() {
        let mut bucket = Bucket::default();
        bucket.take(8, 10, at(0.0)).unwrap();
        assert_eq!(bucket.level(100, at(0.0)).remaining, 92);
        assert_eq!(bucket.level(4, at(0.0)), Level { remaining: 0, reset: at(120.0) });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is asked, no window of a minute sees more than twice the limit, and whoever
        /// waits as long as told is let in.
        #[test]
        fn nobody_gets_more_than_the_limit(
            limit in 1_u32..1000,
            asked in prop::collection::vec((0.0..30.0_f64, 1_u64..300), 1..80),
        ) {
            let mut bucket = Bucket::default();
            let (mut now, mut taken) = (0.0, 0);
            for (pause, amount) in asked {
                now += pause;
                match bucket.take(amount, limit, at(now)) {
                    Ok(()) => taken += amount,
                    Err(Short { wait: Some(wait), remaining }) => {
                        prop_assert!(remaining < amount && wait > Duration::ZERO);
                        let mut later = bucket;
                        let then = at(now) + wait + Duration::from_micros(1);
                        prop_assert_eq!(later.take(amount, limit, then), Ok(()));
                    }
                    Err(Short { wait: None, .. }) => prop_assert!(amount > u64::from(limit)),
                }
                let most = f64::from(limit) * (1.0 + now / 60.0);
                prop_assert!(taken as f64 <= most + 1e-3, "{} of {}", taken, most);
            }
        }
    }
}
