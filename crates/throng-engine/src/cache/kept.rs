//! In which order blocks go that nobody holds, when others need their place.
//!
//! The oldest first is right as long as most of what comes again comes while it is still there. When
//! it comes later than that, the oldest first keeps nothing at all: each block goes just before it
//! is asked for. So every block is kept on terms: when it was held last, and after what gap it is
//! expected again (`reuse.rs`; no gap while the oldest first is right). A block that is long overdue
//! is given up, oldest first. While none is, the one goes that is due last. Then, of users who come
//! in turn, as many keep their blocks as fit.

use std::collections::BTreeSet;

use throng_model::BlockId;

/// A block is given up when it has not come again in so many times the expected gap.
const PATIENCE: u64 = 2;

/// How much a kept block is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// It helps only together with blocks that may be gone.
    Little,
    /// A prefix can be taken up again with it.
    Much,
}

/// On what terms a block is kept. Times count blocks that were given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) worth: Worth,
    /// When it was held last.
    pub(crate) last: u64,
    /// How long it may be until it is asked for again.
    pub(crate) gap: u64,
}

impl Terms {
    fn due(self) -> u64 {
        self.last.saturating_add(self.gap)
    }

    fn end(self) -> u64 {
        self.last.saturating_add(self.gap.saturating_mul(PATIENCE))
    }
}

/// Blocks that may be given up.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Worth little, by when they were held last.
    little: BTreeSet<(u64, BlockId)>,
    /// Worth much and long overdue, by when they were held last.
    overdue: BTreeSet<(u64, BlockId)>,
    /// The others, by when they are due.
    by_due: BTreeSet<(u64, BlockId)>,
    /// The same, by when they will be long overdue.
    by_end: BTreeSet<(u64, BlockId)>,
}

impl Kept {
    pub(crate) fn insert(&mut self, id: BlockId, terms: Terms) {
        if terms.worth == Worth::Little {
            self.little.insert((terms.last, id));
            return;
        }
        self.by_due.insert((terms.due(), id));
        self.by_end.insert((terms.end(), id));
    }

    /// Removes a block, if it is there; the terms are those that it was inserted with.
    pub(crate) fn remove(&mut self, id: BlockId, terms: Terms) {
        if terms.worth == Worth::Little {
            self.little.remove(&(terms.last, id));
        } else if !self.overdue.remove(&(terms.last, id)) {
            self.by_due.remove(&(terms.due(), id));
            self.by_end.remove(&(terms.end(), id));
        }
    }

    /// Removes the block that is to go first. `terms` says on what terms a block was inserted.
    pub(crate) fn pop(&mut self, now: u64, terms: impl Fn(BlockId) -> Terms) -> Option<BlockId> {
        while let Some(&(end, id)) = self.by_end.first()
            && end <= now
        {
            let terms = terms(id);
            self.remove(id, terms);
            self.overdue.insert((terms.last, id));
        }
        let oldest = self.little.pop_first().or_else(|| self.overdue.pop_first());
        if let Some((_, id)) = oldest {
            return Some(id);
        }
        let (_, id) = self.by_due.pop_last()?;
        self.by_end.remove(&(terms(id).end(), id));
        Some(id)
    }

    /// All blocks, in no order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = BlockId> + '_ {
        self.little.iter().chain(&self.overdue).chain(&self.by_due).map(|&(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who goes when, of blocks held last at these times and expected after these gaps.
    fn order(now: u64, blocks: &[(Worth, u64, u64)]) -> Vec<BlockId> {
        let terms = |id: BlockId| {
            let (worth, last, gap) = blocks[id as usize];
            Terms { worth, last, gap }
        };
        let mut kept = Kept::default();
        (0..blocks.len() as BlockId).for_each(|id| kept.insert(id, terms(id)));
        assert_eq!(kept.ids().count(), blocks.len());
        std::iter::from_fn(|| kept.pop(now, terms)).collect()
    }

    #[test]
    fn the_oldest_goes_first_of_those_that_are_long_overdue() {
        use Worth::{Little, Much};
        let blocks = [(Much, 30, 10), (Much, 10, 10), (Much, 20, 10), (Little, 90, 10)];
        assert_eq!(order(100, &blocks), [3, 1, 2, 0]);
    }

    #[test]
    fn of_those_that_will_come_again_the_last_one_goes_first() {
        use Worth::Much;
        let blocks = [(Much, 30, 1000), (Much, 10, 1000), (Much, 20, 1000), (Much, 90, 5)];
        assert_eq!(order(99, &blocks), [0, 2, 1, 3]);
        assert_eq!(order(100, &blocks), [3, 0, 2, 1], "whoever should have come long ago");
    }

    #[test]
    fn what_is_removed_does_not_come() {
        let terms = Terms { worth: Worth::Much, last: 5, gap: 1 };
        let mut kept = Kept::default();
        for id in 0..4 {
            kept.insert(id, terms);
        }
        kept.remove(1, terms);
        assert_eq!(kept.pop(100, |_| terms), Some(0));
        kept.remove(2, terms);
        assert_eq!(kept.pop(100, |_| terms), Some(3));
        assert_eq!((kept.pop(100, |_| terms), kept.ids().count()), (None, 0));
    }
}
