//! How many requests may wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the sequences that have not begun. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    waiting: Arc<Mutex<Waiting>>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    by_tenant: HashMap<Arc<str>, usize>,
}

/// A place in the queue; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct QueueSlot {
    waiting: Arc<Mutex<Waiting>>,
    tenant: Arc<str>,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self { waiting: Arc::default(), limit }
    }

    /// Places for `count` sequences of a tenant, or how many wait already if that is too many. A
    /// tenant of which none waits finds a full queue only if it is twice as full as it should be:
    /// otherwise one tenant could lock all others out.
    pub(crate) fn enter(&self, tenant: &Arc<str>, count: usize) -> Result<Vec<QueueSlot>, usize> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let own = waiting.by_tenant.get(tenant).copied().unwrap_or(0);
        let limit = if own == 0 { self.limit.saturating_mul(2) } else { self.limit };
        // Whoever has the queue to itself may ask for more answers to one prompt than it is long.
        if waiting.all > 0 && waiting.all + count > limit {
            return Err(waiting.all);
        }
        waiting.all += count;
        waiting.by_tenant.insert(tenant.clone(), own + count);
        let slot = || QueueSlot { waiting: self.waiting.clone(), tenant: tenant.clone() };
        Ok((0..count).map(|_| slot()).collect())
    }
}

impl Drop for QueueSlot {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.all -= 1;
        if let Some(own) = waiting.by_tenant.get_mut(&self.tenant) {
            *own -= 1;
            if *own == 0 {
                waiting.by_tenant.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_still_lets_in_whoever_has_nothing_in_it() {
        let queue = Queue::new(3);
        let (greedy, other) = (Arc::from("greedy"), Arc::from("other"));
        let three = queue.enter(&greedy, 3).unwrap();
        assert_eq!(queue.enter(&greedy, 1).map(drop), Err(3));
        let one = queue.enter(&other, 1).unwrap();
        assert_eq!(queue.enter(&other, 1).map(drop), Err(4));
        drop(three);
        let more = queue.enter(&other, 2).unwrap();
        assert_eq!(queue.enter(&other, 1).map(drop), Err(3));
        drop((one, more));
        assert_eq!(queue.enter(&greedy, 8).map(|slots| slots.len()), Ok(8));
    }
}
