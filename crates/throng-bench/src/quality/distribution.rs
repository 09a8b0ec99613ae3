//! What logits say of the next token, in f64 and nats.

/// The distribution that logits stand for: `p(i) = exp(l(i) - max l) / total`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distribution<'a> {
    logits: &'a [f32],
    /// The most probable token; of several the one with the least id.
    pub best: usize,
    /// Its logit.
    most: f64,
    /// Logarithm of the sum of all weights, where the best token weighs 1.
    log_total: f64,
}

impl<'a> Distribution<'a> {
    /// Of finite logits, one a token.
    pub fn new(logits: &'a [f32]) -> Self {
        let better = |best: usize, id: usize| if logits[id] > logits[best] { id } else { best };
        let best = (1..logits.len()).fold(0, better);
        let most = f64::from(logits[best]);
        let total: f64 = logits.iter().map(|&logit| (f64::from(logit) - most).exp()).sum();
        Self { logits, best, most, log_total: total.ln() }
    }

    /// `-ln p(token)`.
    pub fn surprise(&self, token: u32) -> f64 {
        self.most + self.log_total - f64::from(self.logits[token as usize])
    }

    /// `KL(self ‖ other) = Σ p(i) · ln(p(i) / q(i))` (Kullback and Leibler, "On Information and
    /// Sufficiency", 1951), with `p` of this and `q` of the other, over the same vocabulary. The
    /// logarithms of both totals are taken out of the sum: equal logits give exactly 0. Rounding
    /// can leave a trifle below 0, which is 0 then.
    pub fn divergence(&self, other: &Distribution<'_>) -> f64 {
        let pairs = self.logits.iter().zip(other.logits);
        let sum: f64 = pairs
            .map(|(&own, &others)| {
                let own = f64::from(own) - self.most;
                own.exp() * (own - (f64::from(others) - other.most))
            })
            .sum();
        (sum / self.log_total.exp() + other.log_total - self.log_total).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Distribution;

    /// Probabilities as one writes them down.
    fn softmax(logits: &[f32]) -> Vec<f64> {
        let weights: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }

    #[test]
    fn a_coin_against_a_loaded_one() {
        let ln = |p: f64| p.ln() as f32;
        let (fair, loaded) = ([0.0, 0.0], [ln(0.75), ln(0.25)]);
        let (fair, loaded) = (Distribution::new(&fair), Distribution::new(&loaded));
        let expected = 0.5 * (0.5_f64 / 0.75).ln() + 0.5 * (0.5_f64 / 0.25).ln();
        assert!((fair.divergence(&loaded) - expected).abs() < 1e-7);
        assert!((fair.surprise(1) - 2.0_f64.ln()).abs() < 1e-15);
        assert_eq!((fair.best, loaded.best), (0, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn both_are_the_formulas(
            rows in (1_usize..300).prop_flat_map(|vocab| {
                let row = || proptest::collection::vec(-30.0_f32..30.0, vocab);
                (row(), row(), 0..vocab)
            }),
        ) {
            let (own, others, token) = rows;
            let (p, q) = (softmax(&own), softmax(&others));
            let expected: f64 = p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum();
            let (a, b) = (Distribution::new(&own), Distribution::new(&others));
            let found = a.divergence(&b);
            prop_assert!((found - expected).abs() <= 1e-11 * expected.max(1.0), "{found} {expected}");
            prop_assert!((a.surprise(token as u32) + p[token].ln()).abs() < 1e-11);
            prop_assert!(p.iter().all(|&other| other <= p[a.best]));
            prop_assert_eq!(a.divergence(&a), 0.0);
        }
    }
}
