//! The blocks of one pool: which are free, how many sequences hold each of the others, and which
//! nobody holds but are kept in case someone asks for their contents again.

use std::collections::BTreeSet;

use throng_model::BlockId;

use crate::stats::PoolStats;

/// Who goes first when a kept block must make way: the lowest rank.
pub(crate) type Rank = (Worth, u64);

/// How much a kept block is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worth {
    /// It helps only together with blocks that may be gone.
    Little,
    /// A prefix can be taken up again with it.
    Much,
}

/// Blocks of one pool. Integers only; the bytes are the model's.
#[derive(Debug)]
pub(crate) struct BlockPool {
    /// How many sequences hold each block.
    holders: Vec<u32>,
    free: Vec<BlockId>,
    kept: BTreeSet<(Rank, BlockId)>,
    /// Of each kept block.
    ranks: Vec<Option<Rank>>,
}

/// A block that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) id: BlockId,
    /// It was kept for its contents, which are lost now.
    pub(crate) was_kept: bool,
}

impl BlockPool {
    /// A pool with every block free.
    pub(crate) fn new(size: usize) -> Self {
        let last = BlockId::try_from(size).expect("a pool has fewer than 2^32 blocks");
        Self {
            holders: vec![0; size],
            free: (0..last).rev().collect(),
            kept: BTreeSet::new(),
            ranks: vec![None; size],
        }
    }

    pub(crate) fn stats(&self) -> PoolStats {
        PoolStats {
            blocks: self.holders.len(),
            used: self.holders.len() - self.available(),
            cached: self.kept.len(),
        }
    }

    /// Blocks that nobody holds.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.kept.len()
    }

    /// How many hold a block.
    pub(crate) fn holders(&self, id: BlockId) -> u32 {
        self.holders[id as usize]
    }

    /// Takes a block for one holder: a free one, or the kept one of lowest rank.
    pub(crate) fn take(&mut self) -> Option<Taken> {
        let taken = match self.free.pop() {
            Some(id) => Taken { id, was_kept: false },
            None => {
                let (_, id) = self.kept.pop_first()?;
                self.ranks[id as usize] = None;
                Taken { id, was_kept: true }
            }
        };
        self.holders[taken.id as usize] = 1;
        Some(taken)
    }

    /// Adds a holder to a block that is held or kept.
    pub(crate) fn share(&mut self, id: BlockId) {
        if let Some(rank) = self.ranks[id as usize].take() {
            self.kept.remove(&(rank, id));
        }
        self.holders[id as usize] += 1;
    }

    /// Takes a holder from a block; true if that was the last. Then the block must be kept or
    /// freed.
    #[must_use]
    pub(crate) fn release(&mut self, id: BlockId) -> bool {
        let holders = &mut self.holders[id as usize];
        *holders = holders.checked_sub(1).expect("a block is released by who holds it");
        *holders == 0
    }

    /// Keeps a block that nobody holds for its contents.
    pub(crate) fn keep(&mut self, id: BlockId, rank: Rank) {
        self.ranks[id as usize] = Some(rank);
        self.kept.insert((rank, id));
    }

    /// Frees a block that nobody holds, kept or not.
    pub(crate) fn free(&mut self, id: BlockId) {
        if let Some(rank) = self.ranks[id as usize].take() {
            self.kept.remove(&(rank, id));
        }
        self.free.push(id);
    }

    /// Panics unless every block is in one place, and is held as often as `held` says.
    pub(crate) fn check_integrity(&self, held: &[u32]) {
        assert_eq!(self.holders, held, "blocks are held as often as sequences name them");
        let mut places: Vec<u32> = held.iter().map(|&holders| u32::from(holders > 0)).collect();
        let idle = self.free.iter().chain(self.kept.iter().map(|(_, id)| id));
        idle.for_each(|&id| places[id as usize] += 1);
        assert!(places.iter().all(|&count| count == 1), "a block is in one place: {places:?}");
        for (id, rank) in self.ranks.iter().enumerate() {
            let kept = rank.is_some_and(|rank| self.kept.contains(&(rank, id as BlockId)));
            assert_eq!(kept, rank.is_some(), "block {id} is ranked where it is kept");
        }
        let ranked = self.ranks.iter().flatten().count();
        assert_eq!(ranked, self.kept.len(), "no block is kept twice");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_blocks_go_first_and_then_kept_ones_by_rank() {
        let mut pool = BlockPool::new(4);
        let all: Vec<_> = std::iter::from_fn(|| pool.take()).map(|taken| taken.id).collect();
        assert_eq!(all, [0, 1, 2, 3]);
        for (id, rank) in [(0, (Worth::Much, 1)), (1, (Worth::Much, 0)), (2, (Worth::Little, 9))] {
            assert!(pool.release(id));
            pool.keep(id, rank);
        }
        pool.share(0);
        pool.share(0);
        assert!(pool.release(3));
        pool.free(3);
        assert_eq!(pool.stats(), PoolStats { blocks: 4, used: 1, cached: 2 });
        pool.check_integrity(&[2, 0, 0, 0]);
        let order: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        let taken = |id, was_kept| Taken { id, was_kept };
        assert_eq!(order, [taken(3, false), taken(2, true), taken(1, true)]);
        assert!(!pool.release(0), "one more holds it");
        pool.check_integrity(&[1, 1, 1, 1]);
    }
}
