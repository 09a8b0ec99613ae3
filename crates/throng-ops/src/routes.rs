//! Which experts a step's tokens go to, and the same grouped by expert.

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

    /// What each slot counts for in its token's sum; a token's weights add up to 1.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The slots that go to an expert, ascending.
    pub fn group(&self, expert: usize) -> &[u32] {
        &self.grouped[self.starts[expert] as usize..self.starts[expert + 1] as usize]
    }

    /// Experts that there are, used or not.
    pub fn expert_count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Chooses from the router's logits `[tokens, experts]`.
    pub fn choose(&mut self, logits: &[f32], experts: usize, active: usize) {
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
            let top = logits[self.experts[first] as usize];
            let exp = |&expert: &u32| (logits[expert as usize] - top).exp();
            let sum: f32 = self.experts[first..].iter().map(exp).sum();
            self.weights.extend(self.experts[first..].iter().map(|expert| exp(expert) / sum));
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
    use super::Routes;

    #[test]
    fn highest_logits_win_and_weights_are_their_softmax() {
        let mut routes = Routes::default();
        routes.choose(&[0.0, 2.0, 1.0, -1.0, 3.0, 3.0, 0.0, 1.0], 4, 2);
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
    fn not_a_number_still_chooses_distinct_experts() {
        let mut routes = Routes::default();
        routes.choose(&[f32::NAN; 5], 5, 3);
        assert_eq!(routes.experts(), [0, 1, 2]);
    }
}
