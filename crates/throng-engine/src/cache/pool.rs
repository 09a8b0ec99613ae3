//! The blocks of one pool: which are free, how many sequences hold each of the others, and which
//! nobody holds but are kept in case someone asks for their contents again.

use throng_model::BlockId;

use super::kept::{Kept, Terms};
use crate::stats::PoolStats;

/// Blocks of one pool. Integers only; the bytes are the model's.
#[derive(Debug)]
pub(crate) struct BlockPool {
    /// How many sequences hold each block.
    holders: Vec<u32>,
    free: Vec<BlockId>,
    /// Kept blocks that may be given up now.
    kept: Kept,
    /// Of each kept block.
    terms: Vec<Option<Terms>>,
    /// How many those are.
    kept_len: usize,
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
            kept: Kept::default(),
            terms: vec![None; size],
            kept_len: 0,
        }
    }

    pub(crate) fn stats(&self) -> PoolStats {
        PoolStats {
            blocks: self.holders.len(),
            used: self.holders.len() - self.available(),
            cached: self.kept_len,
        }
    }

    /// All blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.holders.len()
    }

    /// Blocks that nobody holds.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.kept_len
    }

    /// How many hold a block.
    pub(crate) fn holders(&self, id: BlockId) -> u32 {
        self.holders[id as usize]
    }

    /// Takes a block for one holder: a free one, or the kept one that goes first.
    pub(crate) fn take(&mut self, now: u64) -> Option<Taken> {
        let taken = match self.free.pop() {
            Some(id) => Taken { id, was_kept: false },
            None => {
                let terms = &self.terms;
                let terms = |id| terms[id as usize].expect("what may be given up is kept");
                let id = self.kept.pop(now, terms)?;
                self.terms[id as usize] = None;
                self.kept_len -= 1;
                Taken { id, was_kept: true }
            }
        };
        self.holders[taken.id as usize] = 1;
        Some(taken)
    }

    /// Adds a holder to a block that is held or kept.
    pub(crate) fn share(&mut self, id: BlockId) {
        self.unkeep(id);
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

    /// Keeps a block that nobody holds for its contents. It is not given up before
    /// [`BlockPool::offer`].
    pub(crate) fn keep(&mut self, id: BlockId, terms: Terms) {
        self.terms[id as usize] = Some(terms);
        self.kept_len += 1;
    }

    /// Lets a block be given up, if it is kept.
    pub(crate) fn offer(&mut self, id: BlockId) {
        if let Some(terms) = self.terms[id as usize] {
            self.kept.insert(id, terms);
        }
    }

    /// Frees a block that nobody holds, kept or not.
    pub(crate) fn free(&mut self, id: BlockId) {
        self.unkeep(id);
        self.free.push(id);
    }

    fn unkeep(&mut self, id: BlockId) {
        if let Some(terms) = self.terms[id as usize].take() {
            self.kept.remove(id, terms);
            self.kept_len -= 1;
        }
    }

    /// Panics unless every block is in one place, is held as often as `held` says, and may be given
    /// up if it is kept and `offered`.
    pub(crate) fn check_integrity(&self, held: &[u32], offered: impl Fn(BlockId) -> bool) {
        assert_eq!(self.holders, held, "blocks are held as often as sequences name them");
        let mut places: Vec<u32> = held.iter().map(|&holders| u32::from(holders > 0)).collect();
        let kept = (0..).zip(&self.terms).filter(|(_, terms)| terms.is_some()).map(|(id, _)| id);
        let idle = self.free.iter().copied().chain(kept.clone());
        idle.for_each(|id| places[id as usize] += 1);
        assert!(places.iter().all(|&count| count == 1), "a block is in one place: {places:?}");
        assert_eq!(self.kept_len, kept.clone().count(), "kept blocks are counted");
        let mut found: Vec<BlockId> = self.kept.ids().collect();
        found.sort_unstable();
        let expected: Vec<BlockId> = kept.filter(|&id| offered(id)).collect();
        assert_eq!(found, expected, "blocks that may be given up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::kept::Worth;

    #[test]
    fn free_blocks_go_first_and_then_those_on_offer() {
        let mut pool = BlockPool::new(4);
        let all: Vec<_> = std::iter::from_fn(|| pool.take(0)).map(|taken| taken.id).collect();
        assert_eq!(all, [0, 1, 2, 3]);
        for (id, last) in [(0, 1), (1, 0), (2, 9)] {
            assert!(pool.release(id));
            pool.keep(id, Terms { worth: Worth::Much, last, gap: 1 });
        }
        pool.share(0);
        pool.share(0);
        assert!(pool.release(3));
        pool.free(3);
        pool.offer(2);
        pool.offer(3);
        assert_eq!(pool.stats(), PoolStats { blocks: 4, used: 1, cached: 2 });
        pool.check_integrity(&[2, 0, 0, 0], |id| id == 2);
        let taken = |id, was_kept| Some(Taken { id, was_kept });
        assert_eq!([pool.take(100), pool.take(100)], [taken(3, false), taken(2, true)]);
        assert_eq!(pool.take(100), None, "block 1 is kept, but not on offer");
        pool.offer(1);
        assert_eq!(pool.take(100), taken(1, true));
        assert!(!pool.release(0), "one more holds it");
        pool.check_integrity(&[1, 1, 1, 1], |_| false);
    }
}
