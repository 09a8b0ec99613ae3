//! What happened in a simulation, in numbers: a test that nothing happens in tests nothing.

/// Sums over all seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub steps: usize,
    /// Choices of requests that were let in.
    pub requests: u64,
    pub refused: u64,
    pub preemptions: u64,
    pub cached_tokens: u64,
    /// Steps that failed.
    pub failed: u64,
    pub left: u64,
    pub expired: u64,
    /// Steps in which at least two tenants had something waiting.
    pub weighed: u64,
    /// Seeds in which some client had so much to read that the engine waited for it.
    pub unread: u64,
    /// Drafts that came, and those that did not.
    pub accepted: u64,
    pub rejected: u64,
}

impl Summary {
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        for (sum, number) in self.events_mut().into_iter().zip(other.clone().events_mut()) {
            *sum += *number;
        }
    }

    /// Panics unless everything has happened that can.
    pub fn check_variety(mut self) {
        let text = format!("{self:?}");
        assert!(self.events_mut().iter().all(|number| **number > 0), "not all happened: {text}");
    }

    fn events_mut(&mut self) -> [&mut u64; 11] {
        [
            &mut self.requests,
            &mut self.refused,
            &mut self.preemptions,
            &mut self.cached_tokens,
            &mut self.failed,
            &mut self.left,
            &mut self.expired,
            &mut self.weighed,
            &mut self.unread,
            &mut self.accepted,
            &mut self.rejected,
        ]
    }
}
