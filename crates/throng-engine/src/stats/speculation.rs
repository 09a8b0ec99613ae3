//! What came of drafted tokens, and what they took.

use crate::speculation::{ByMethod, Method};

/// What came of drafted tokens, and what they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeculationStats {
    /// What came of them.
    pub by_method: ByMethod<DraftStats>,
    /// Seconds in which a model wrote drafts.
    pub draft_seconds: f64,
    /// Seconds that the model took for steps with drafts.
    pub verify_seconds: f64,
    /// Draft models that failed, after which they draft no more.
    pub failures: u64,
}

/// What came of drafted tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DraftStats {
    /// Rows of steps that had drafts.
    pub drafts: u64,
    /// Tokens in these.
    pub drafted_tokens: u64,
    /// Those that the answers took.
    pub accepted_tokens: u64,
    /// Tokens by their place among the drafts of a row, from the first on.
    pub drafted_at: Vec<u64>,
    /// Those that the answers took by the same.
    pub accepted_at: Vec<u64>,
}

impl SpeculationStats {
    /// Notes drafts of a row, of which the first `accepted` were taken.
    pub(crate) fn note(&mut self, method: Method, drafted: usize, accepted: usize) {
        self.by_method[method].note(drafted, accepted);
    }

    /// All methods together.
    pub fn total(&self) -> DraftStats {
        let mut total = DraftStats::default();
        self.by_method.iter().for_each(|(_, one)| total.add(one));
        total
    }
}

impl DraftStats {
    fn note(&mut self, drafted: usize, accepted: usize) {
        self.drafts += 1;
        self.drafted_tokens += drafted as u64;
        self.accepted_tokens += accepted as u64;
        self.reach(drafted);
        self.drafted_at[..drafted].iter_mut().for_each(|count| *count += 1);
        self.accepted_at[..accepted].iter_mut().for_each(|count| *count += 1);
    }

    fn add(&mut self, other: &Self) {
        self.drafts += other.drafts;
        self.drafted_tokens += other.drafted_tokens;
        self.accepted_tokens += other.accepted_tokens;
        self.reach(other.drafted_at.len());
        let add = |to: &mut [u64], from: &[u64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        add(&mut self.drafted_at, &other.drafted_at);
        add(&mut self.accepted_at, &other.accepted_at);
    }

    /// Has so many places at least.
    fn reach(&mut self, places: usize) {
        let places = places.max(self.drafted_at.len());
        self.drafted_at.resize(places, 0);
        self.accepted_at.resize(places, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_counted_apart_and_together() {
        let mut stats = SpeculationStats::default();
        stats.note(Method::Ngram, 2, 1);
        stats.note(Method::Prediction, 4, 3);
        stats.note(Method::Prediction, 1, 0);
        let of = |method| &stats.by_method[method];
        assert_eq!(of(Method::DraftModel), &DraftStats::default());
        assert_eq!((of(Method::Ngram).drafts, of(Method::Prediction).drafts), (1, 2));
        assert_eq!(of(Method::Prediction).drafted_at, [2, 1, 1, 1]);
        let total = stats.total();
        assert_eq!((total.drafts, total.drafted_tokens, total.accepted_tokens), (3, 7, 4));
        assert_eq!((total.drafted_at, total.accepted_at), (vec![3, 2, 1, 1], vec![2, 1, 1, 0]));
    }
}
