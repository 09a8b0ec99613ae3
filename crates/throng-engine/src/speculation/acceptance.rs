//! How often drafts are right.

/// Part of what is known that is kept beside the next drafts.
const KEPT: f64 = 0.9;

/// Drafts that what is known of all others counts for.
const PRIOR_WEIGHT: f64 = 2.0;

/// However often drafts are right, the next one may not be.
const MOST: f64 = 0.98;

/// Drafts that were looked at, and those of them that were right; older ones count less.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Acceptance {
    looked_at: f64,
    right: f64,
}

impl Acceptance {
    /// What is taken for granted before the first draft: enough that drafts are tried.
    pub(crate) const UNKNOWN: Self = Self { looked_at: 4.0, right: 3.0 };

    /// Notes that the first `accepted` of `drafted` tokens were right. Those behind the first wrong
    /// one say nothing.
    pub(crate) fn observe(&mut self, drafted: usize, accepted: usize) {
        self.looked_at = KEPT * self.looked_at + (accepted + 1).min(drafted) as f64;
        self.right = KEPT * self.right + accepted as f64;
    }

    /// How probably a draft is right when those before it are. `others` is the same of all others.
    pub(crate) fn rate(&self, others: f64) -> f64 {
        let right = self.right + PRIOR_WEIGHT * others;
        (right / (self.looked_at + PRIOR_WEIGHT)).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_drafts() {
        let mut acceptance = Acceptance::default();
        assert_eq!(acceptance.rate(0.5), 0.5);
        // Two right, the third wrong.
        (0..100).for_each(|_| acceptance.observe(4, 2));
        assert!((acceptance.rate(0.0) - 2.0 / 3.0).abs() < 0.05, "{acceptance:?}");
        (0..100).for_each(|_| acceptance.observe(4, 4));
        assert!(acceptance.rate(0.5) > 0.95);
        (0..100).for_each(|_| acceptance.observe(4, 0));
        assert!(acceptance.rate(0.5) < 0.1);
    }
}
