//! How long it takes until a prefix comes again: learned from where sequences ended and when others
//! went on from there, whether or not their blocks were still kept.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::prefix::{BlockTokens, Salt};

/// Ends of sequences that are remembered.
const ENDS: usize = 1 << 14;

/// Gaps of which the usual one is taken.
const GAPS: usize = 32;

/// Names a prefix. Two with one name would be taken for each other, which costs a bad guess and no
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PrefixHash(u64);

impl PrefixHash {
    pub(crate) fn root(salt: &Salt) -> Self {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// The prefix that is one block longer.
    pub(crate) fn then(self, block: &BlockTokens) -> Self {
        let mut hasher = DefaultHasher::new();
        (self.0, block).hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Where sequences ended, and after what gaps others went on there.
#[derive(Debug, Default)]
pub(crate) struct Reuse {
    ends: HashMap<PrefixHash, u64>,
    /// The same, oldest first.
    order: VecDeque<(PrefixHash, u64)>,
    gaps: VecDeque<u64>,
}

impl Reuse {
    /// Notes that a sequence ended with these prefixes.
    pub(crate) fn end(&mut self, prefix: PrefixHash, now: u64) {
        self.ends.insert(prefix, now);
        self.order.push_back((prefix, now));
        while self.order.len() > ENDS
            && let Some((prefix, then)) = self.order.pop_front()
        {
            // It may have come again since.
            if self.ends.get(&prefix) == Some(&then) {
                self.ends.remove(&prefix);
            }
        }
    }

    /// Notes that a sequence begins with these prefixes, shorter ones first. Returns the gap to the
    /// last one that ended within it, or went on from there.
    pub(crate) fn begin(
        &mut self,
        prefixes: impl Iterator<Item = PrefixHash>,
        now: u64,
    ) -> Option<u64> {
        let ended = |prefix| self.ends.get(&prefix).map(|then| (prefix, *then));
        let (prefix, then) = prefixes.filter_map(ended).last()?;
        self.end(prefix, now);
        let gap = now.saturating_sub(then);
        if self.gaps.len() == GAPS {
            self.gaps.pop_front();
        }
        self.gaps.push_back(gap);
        Some(gap)
    }

    /// After what gap to expect a prefix again, where `own` is what it took the last time and
    /// `room` is how many blocks can be kept. 0, which makes the oldest go first, if at least half
    /// of what comes again comes in good time before the oldest has to go; else its own gap, or for
    /// want of one the gap that most do not exceed.
    pub(crate) fn expected_gap(&self, own: Option<u64>, room: u64) -> u64 {
        let mut gaps: Vec<u64> = self.gaps.iter().copied().collect();
        gaps.sort_unstable();
        let (Some(&half), Some(&most)) = (gaps.get(gaps.len() / 2), gaps.get(gaps.len() * 3 / 4))
        else {
            return 0;
        };
        if half <= room / 4 * 3 { 0 } else { own.unwrap_or(most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(names: &[u32]) -> Vec<PrefixHash> {
        let mut prefix = PrefixHash::root(&Salt::Shared("a".into()));
        let next = names.iter().map(|&name| {
            prefix = prefix.then(&[name; throng_model::BLOCK_TOKENS]);
            prefix
        });
        next.collect()
    }

    #[test]
    fn a_gap_is_counted_from_the_longest_prefix_that_ended() {
        let mut reuse = Reuse::default();
        let path = prefixes(&[1, 2, 3, 4]);
        assert_eq!(reuse.begin(path.iter().copied(), 5), None);
        reuse.end(path[1], 10);
        reuse.end(path[2], 20);
        assert_eq!(reuse.begin(path.iter().copied(), 100), Some(80));
        assert_eq!(reuse.begin(path[..2].iter().copied(), 100), Some(90));
        assert_eq!(reuse.begin(path[..1].iter().copied(), 100), None);
        assert_eq!(reuse.begin(path.iter().copied(), 105), Some(5), "it was there at 100");
    }

    #[test]
    fn the_oldest_goes_first_unless_most_come_too_late_for_it() {
        let mut reuse = Reuse::default();
        assert_eq!(reuse.expected_gap(None, 10), 0, "nothing is known");
        reuse.gaps = [5, 5, 20, 30].into();
        assert_eq!(reuse.expected_gap(Some(7), 28), 0);
        assert_eq!(reuse.expected_gap(Some(7), 26), 7);
        assert_eq!(reuse.expected_gap(None, 26), 30);
    }

    #[test]
    fn ends_of_long_ago_are_forgotten_and_repeated_ones_are_not() {
        let mut reuse = Reuse::default();
        let path = prefixes(&[1, 2]);
        reuse.end(path[0], 0);
        reuse.end(path[1], 0);
        let salt = |n: u64| PrefixHash::root(&Salt::Private(n));
        for n in 0..ENDS as u64 {
            reuse.end(if n % 1000 == 0 { path[0] } else { salt(n) }, n);
        }
        assert!(reuse.begin(path[..1].iter().copied(), 1 << 20).is_some());
        assert!(reuse.begin(path[1..].iter().copied(), 1 << 20).is_none());
        assert!(reuse.order.len() <= ENDS && reuse.ends.len() <= ENDS);
    }
}
