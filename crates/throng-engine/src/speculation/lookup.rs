//! Prompt lookup (Saxena 2023): of the places where a text went on before as it does now, the one
//! that agrees for longest, and what followed there.

use std::collections::HashMap;

use super::Ngram;

/// Places that one look compares, newest first: in a text that says the same thousands of times it
/// would otherwise take longer than the step that it saves.
const TRIES: usize = 32;

/// Where the n-grams of one sequence's tokens are. It grows with the tokens; what is looked up costs
/// the same however many there are.
#[derive(Debug)]
pub(crate) struct Lookup {
    ngram: Ngram,
    /// Where the last n-gram of `ngram.min` tokens with each hash ends.
    last: HashMap<u64, u32>,
    /// Of the n-gram that ends at `index + ngram.min`: where the one before it with its hash ends;
    /// 0 if there is none.
    before: Vec<u32>,
}

impl Lookup {
    pub(crate) fn new(ngram: Ngram) -> Self {
        let min = ngram.min.max(1);
        let ngram = Ngram { min, max: ngram.max.max(min) };
        Self { ngram, last: HashMap::new(), before: Vec::new() }
    }

    /// What may follow `tokens`, which begin with those of every call before: `count` tokens, or
    /// none.
    pub(crate) fn propose(&mut self, tokens: &[u32], count: usize) -> Vec<u32> {
        self.read(tokens);
        let Some(found) = self.find(tokens) else { return Vec::new() };
        let mut proposed: Vec<u32> = Vec::with_capacity(count);
        for index in found..found + count {
            // Beyond the end of the text, a text that repeats itself goes on as it did.
            let next = tokens.get(index).or_else(|| proposed.get(index - tokens.len()));
            proposed.extend(next.copied());
        }
        proposed
    }

    /// Takes note of all n-grams but the last, which is what is looked for.
    fn read(&mut self, tokens: &[u32]) {
        let min = self.ngram.min;
        for end in self.before.len() + min..tokens.len() {
            let hash = hash(&tokens[end - min..end]);
            let before = self.last.insert(hash, end as u32);
            self.before.push(before.unwrap_or(0));
        }
    }

    /// Where the earlier place ends that agrees for longest with the end of the text; of several
    /// the last.
    fn find(&self, tokens: &[u32]) -> Option<usize> {
        let Ngram { min, max } = self.ngram;
        let suffix = &tokens[tokens.len().checked_sub(min)?..];
        let mut next = self.last.get(&hash(suffix)).copied();
        let (mut longest, mut found) = (min - 1, None);
        for _ in 0..TRIES {
            let Some(end) = next.map(|end| end as usize).filter(|&end| end > 0) else { break };
            let pairs = tokens[..end].iter().rev().zip(tokens.iter().rev()).take(max);
            let length = pairs.take_while(|(one, other)| one == other).count();
            if length > longest {
                (longest, found) = (length, Some(end));
            }
            if longest == max {
                break;
            }
            next = self.before.get(end - min).copied();
        }
        found
    }
}

/// FNV-1a over the tokens' bytes. Whatever collides is compared.
fn hash(tokens: &[u32]) -> u64 {
    tokens.iter().flat_map(|token| token.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn propose(min: usize, max: usize, tokens: &[u32], count: usize) -> Vec<u32> {
        Lookup::new(Ngram { min, max }).propose(tokens, count)
    }

    #[test]
    fn the_longest_place_counts_and_of_several_the_last() {
        let tokens = [1, 2, 3, 9, 7, 2, 3, 5, 4, 2, 3, 6, 1, 2, 3];
        assert_eq!(propose(2, 2, &tokens, 2), [6, 1], "the last place with two tokens");
        assert_eq!(propose(2, 3, &tokens, 2), [9, 7], "the only place with three");
        assert_eq!(propose(4, 4, &tokens, 2), [0; 0], "no place with four");
    }

    #[test]
    fn a_text_that_repeats_itself_goes_on_so() {
        assert_eq!(propose(2, 4, &[8, 5, 6, 5, 6], 5), [5, 6, 5, 6, 5]);
        assert_eq!(propose(1, 1, &[3, 3], 3), [3, 3, 3]);
        assert_eq!(propose(1, 1, &[3], 3), [0; 0], "nothing comes before");
        assert_eq!(propose(3, 5, &[1, 2], 3), [0; 0], "too short to look for");
    }

    #[test]
    fn a_place_is_found_among_a_few_only() {
        let mut tokens = vec![7, 1, 2, 3];
        (0..TRIES as u32).for_each(|_| tokens.extend([9, 2, 3]));
        tokens.extend([1, 2, 3]);
        assert_eq!(propose(2, 3, &tokens, 1), [1], "the one with three is too far back");
        let near = [&tokens[..7], &[1, 2, 3]].concat();
        assert_eq!(propose(2, 3, &near, 1), [9]);
    }

    /// The same by looking everywhere.
    fn naive(min: usize, max: usize, tokens: &[u32]) -> Option<usize> {
        let agree = |end: usize| {
            let pairs = tokens[..end].iter().rev().zip(tokens.iter().rev());
            pairs.take_while(|(one, other)| one == other).count().min(max)
        };
        let best = (1..tokens.len()).max_by_key(|&end| (agree(end), end))?;
        (agree(best) >= min).then_some(best)
    }

    proptest! {
        /// Token by token or at once, the place is the one that looking everywhere finds. So short
        /// that no place is too far back.
        #[test]
        fn a_place_is_where_it_is(
            tokens in proptest::collection::vec(0..3_u32, 1..TRIES),
            (min, more) in (1..4_usize, 0..3_usize),
        ) {
            let ngram = Ngram { min, max: min + more };
            let mut grown = Lookup::new(ngram);
            for end in 1..=tokens.len() {
                let text = &tokens[..end];
                let ours = grown.propose(text, 4);
                prop_assert_eq!(grown.find(text), naive(min, min + more, text));
                prop_assert_eq!(&ours, &Lookup::new(ngram).propose(text, 4));
                prop_assert!(ours.is_empty() || ours.len() == 4);
            }
        }
    }
}
