//! Which blocks of the KV cache are free. Integers only; the bytes are the model's.

use std::sync::{Arc, Mutex, PoisonError};

use throng_model::BlockId;

/// Blocks of one pool. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct BlockPool {
    free: Arc<Mutex<Vec<BlockId>>>,
}

impl BlockPool {
    /// A pool with every block free.
    pub(crate) fn new(size: usize) -> Self {
        let last = BlockId::try_from(size).expect("a pool has fewer than 2^32 blocks");
        Self { free: Arc::new(Mutex::new((0..last).rev().collect())) }
    }

    /// Takes `count` blocks, or none at all if fewer are free.
    pub(crate) fn take(&self, count: usize) -> Option<Blocks> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = free.len().checked_sub(count)?;
        Some(Blocks { ids: free.split_off(rest), pool: self.clone() })
    }

    /// Blocks that nobody holds.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.free.lock().expect("no test panics while it holds the lock").len()
    }
}

/// Blocks on loan from a pool; they return when this is dropped.
#[derive(Debug)]
pub(crate) struct Blocks {
    ids: Vec<BlockId>,
    pool: BlockPool,
}

impl Blocks {
    /// The blocks' indices in their pool.
    pub(crate) fn ids(&self) -> &[BlockId] {
        &self.ids
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.ids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_one_owner_and_return_on_drop() {
        let pool = BlockPool::new(5);
        let (a, b) = (pool.take(2).unwrap(), pool.take(3).unwrap());
        let mut all: Vec<_> = a.ids().iter().chain(b.ids()).copied().collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        assert!(pool.take(1).is_none());
        drop(a);
        assert_eq!(pool.free(), 2);
        assert!(pool.take(3).is_none(), "all or nothing");
        assert_eq!(pool.free(), 2);
    }
}
