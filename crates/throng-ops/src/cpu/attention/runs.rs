//! A step's tokens, cut into runs that may walk their keys together.

use std::ops::Range;

use crate::backend::Attention;
use crate::placement::Placement;

/// Neighbouring tokens of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first, counted in the step.
    pub start: usize,
    /// How many.
    pub tokens: usize,
    /// The positions that one of them at least sees: from here ...
    pub first: usize,
    /// ... to before here.
    pub end: usize,
}

impl Run {
    /// Its tokens.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.tokens
    }
}

/// Cuts a step into runs of at most `longest` tokens. Those with most work come first, so that at
/// the end threads wait for small ones.
pub(super) fn cut(
    attention: &Attention,
    placement: &Placement,
    longest: usize,
    runs: &mut Vec<Run>,
) {
    runs.clear();
    let mut start = 0;
    while start < placement.tokens() {
        let follows = |&token: &usize| {
            placement.sequences[token] == placement.sequences[start]
                && placement.position(token) == placement.position(start) + (token - start)
        };
        let most = placement.tokens().min(start + longest);
        let tokens = 1 + (start + 1..most).take_while(follows).count();
        let position = placement.position(start);
        let first = attention.first_visible(position);
        runs.push(Run { start, tokens, first, end: position + tokens });
        start += tokens;
    }
    runs.sort_unstable_by_key(|run| {
        (std::cmp::Reverse(run.tokens * (run.end - run.first)), run.start)
    });
}

#[cfg(test)]
mod tests {
    use super::{Run, cut};
    use crate::backend::Attention;
    use crate::placement::Placement;
    use throng_spec::Heads;

    #[test]
    fn runs_end_where_sequences_do_and_the_longest_walk_comes_first() {
        let heads = Heads { query: 8, kv: 1, dim: 64 };
        let attention = Attention { heads, window: Some(10) };
        let placement = Placement {
            positions: vec![5, 6, 7, 8, 9, 30, 31, 40, 90],
            sequences: vec![0, 0, 0, 0, 0, 1, 1, 1, 2],
            ..Placement::default()
        };
        let mut runs = Vec::new();
        cut(&attention, &placement, 3, &mut runs);
        let expected = [
            Run { start: 0, tokens: 3, first: 0, end: 8 },
            Run { start: 5, tokens: 2, first: 21, end: 32 },
            Run { start: 3, tokens: 2, first: 0, end: 10 },
            Run { start: 7, tokens: 1, first: 31, end: 41 },
            Run { start: 8, tokens: 1, first: 81, end: 91 },
        ];
        assert_eq!(runs, expected);
        assert!(runs.iter().all(|run| run.range().len() == run.tokens));
    }
}
