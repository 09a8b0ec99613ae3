//! Which experts a step's tokens go to, and the same grouped by expert.

use std::ops::Range;

use throng_spec::{Mixture, Weighting};

/// The routes of a step's tokens. A *slot* is one token at one of its experts:
/// slot `t · active + r` is token t at its expert of rank r.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    active: usize,
    experts: Vec<u32>,
    weights: Vec<f32>,
    starts: Vec<u32>,
    grouped: Vec<u32>,
}

impl Routes {
    /// Experts a token.
    pub fn active(&self) -> usize {
        self.active
    }

    /// Tokens times experts a token.
    pub fn slots(&self) -> usize {
        self.experts.len()
    }

    /// Tokens.
    pub fn tokens(&self) -> usize {
        self.slots().checked_div(self.active).unwrap_or(0)
    }

    /// The expert of each slot.
    pub fn experts(&self) -> &[u32] {
        &self.experts
    }

    /// What each slot counts for in its token's sum.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The slots that go to an expert, ascending.
    pub fn group(&self, expert: usize) -> &[u32] {
        &self.grouped[self.positions(expert)]
    }

    /// Where an expert's slots are among those of all, grouped by expert.
    pub(crate) fn positions(&self, expert: usize) -> Range<usize> {
        self.starts[expert] as usize..self.starts[expert + 1] as usize
    }

    /// All slots, grouped by expert.
    pub(crate) fn grouped(&self) -> &[u32] {
        &self.grouped
    }

    /// Experts that there are, used or not.
    pub fn expert_count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Sends all tokens to the one expert that there is.
    pub fn to_one(&mut self, tokens: usize) {
        self.active = 1;
        self.experts.clear();
        self.experts.resize(tokens, 0);
        self.weights.clear();
        self.weights.resize(tokens, 1.0);
        self.group_by_expert(1);
    }

    /// Chooses from the router's logits `[tokens, experts]`.
    pub fn choose(&mut self, logits: &[f32], mixture: Mixture) {
        let Mixture { experts, active, weighting } = mixture;
        assert!(0 < active && active <= experts, "{active} of {experts} experts");
        self.active = active;
        self.experts.clear();
        self.weights.clear();
        for logits in logits.chunks_exact(experts) {
            let first = self.experts.len();
            for _ in 0..active {
                let expert = best_of_the_rest(logits, &self.experts[first..]);
                self.experts.push(expert as u32);
            }
            let chosen = &self.experts[first..];
            let top = logits[chosen[0] as usize];
            let exp = |&expert: &u32| (logits[expert as usize] - top).exp();
            let sum: f32 = match weighting {
                Weighting::Chosen => chosen.iter().map(exp).sum(),
                Weighting::All => logits.iter().map(|logit| (logit - top).exp()).sum(),
            };
            self.weights.extend(chosen.iter().map(|expert| exp(expert) / sum));
        }
        self.group_by_expert(experts);
    }

    /// Counting sort of the slots by expert.
    fn group_by_expert(&mut self, experts: usize) {
        self.starts.clear();
        self.starts.resize(experts + 1, 0);
        for &expert in &self.experts {
            self.starts[expert as usize + 1] += 1;
        }
        for expert in 0..experts {
            self.starts[expert + 1] += self.starts[expert];
        }
        self.grouped.clear();
        self.grouped.resize(self.experts.len(), 0);
        for (slot, &expert) in self.experts.iter().enumerate() {
            let next = &mut self.starts[expert as usize];
            self.grouped[*next as usize] = slot as u32;
            *next += 1;
        }
        // Every start has moved to its group's end, which is the next group's start.
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }
}

/// The highest logit whose index is not in `taken`; the lowest such index if none compares (NaN).
fn best_of_the_rest(logits: &[f32], taken: &[u32]) -> usize {
    let mut best: Option<usize> = None;
    for (expert, &logit) in logits.iter().enumerate() {
        if taken.contains(&(expert as u32)) {
            continue;
        }
        if best.is_none_or(|best| logit > logits[best]) {
            best = Some(expert);
        }
    }
    best.expect("there are more experts than ranks before this one")
}

#[cfg(test)]
mod tests {
    use throng_spec::{Mixture, Weighting};

    use super::Routes;

    const LOGITS: [f32; 8] = [0.0, 2.0, 1.0, -1.0, 3.0, 3.0, 0.0, 1.0];

    fn two_of_four(weighting: Weighting) -> Routes {
        let mut routes = Routes::default();
        routes.choose(&LOGITS, Mixture { experts: 4, active: 2, weighting });
        routes
    }

    #[test]
    fn highest_logits_win_and_weights_are_their_softmax() {
        let routes = two_of_four(Weighting::Chosen);
        assert_eq!(routes.experts(), [1, 2, 0, 1]);
        let high = 1.0 / (1.0 + (-1.0f32).exp());
        assert!((routes.weights()[0] - high).abs() < 1e-6);
        assert_eq!(routes.weights()[2..], [0.5, 0.5]);
        assert_eq!(routes.group(0), [2]);
        assert_eq!(routes.group(1), [0, 3]);
        assert_eq!(routes.group(2), [1]);
        assert!(routes.group(3).is_empty());
    }

    #[test]
    fn weights_among_all_are_shares_of_the_whole_softmax() {
        let (chosen, all) = (two_of_four(Weighting::Chosen), two_of_four(Weighting::All));
        assert_eq!(chosen.experts(), all.experts());
        let sum: f32 = LOGITS[..4].iter().map(|logit| logit.exp()).sum();
        assert!((all.weights()[0] - 2f32.exp() / sum).abs() < 1e-6);
        assert!((all.weights()[1] - 1f32.exp() / sum).abs() < 1e-6);
    }

    #[test]
    fn one_expert_takes_every_token_whole() {
        let mut routes = two_of_four(Weighting::All);
        routes.to_one(3);
        assert_eq!((routes.tokens(), routes.slots(), routes.expert_count()), (3, 3, 1));
        assert_eq!((routes.group(0), routes.weights()), (&[0, 1, 2][..], &[1.0; 3][..]));
    }

    #[test]
    fn not_a_number_still_chooses_distinct_experts() {
        let mut routes = Routes::default();
        let mixture = Mixture { experts: 5, active: 3, weighting: Weighting::Chosen };
        routes.choose(&[f32::NAN; 5], mixture);
        assert_eq!(routes.experts(), [0, 1, 2]);
    }
}
