//! Logits to a token, and to log-probabilities. All sums run in token order or in order of
//! probability, so equal logits give equal tokens, bit for bit.

use crate::event::TokenLogprobs;
use crate::request::Sampling;

/// Draws token `index` of an answer from `logits` (one f32 a token id). Equal logits: lower id.
pub(crate) fn sample(logits: &[f32], sampling: &Sampling, index: u64) -> u32 {
    if sampling.temperature == 0.0 {
        return argmax(logits);
    }
    let mut candidates = candidates(logits, sampling);
    let total: f64 = candidates.iter().map(|&(_, weight)| f64::from(weight)).sum();
    let mut rest = uniform(sampling.seed, index) * total;
    let last = candidates.pop();
    for (id, weight) in candidates {
        rest -= f64::from(weight);
        if rest < 0.0 {
            return id;
        }
    }
    last.map_or(0, |(id, _)| id)
}

/// The tokens that pass the filters, with weights in proportion to their probabilities.
fn candidates(logits: &[f32], sampling: &Sampling) -> Vec<(u32, f32)> {
    let best = logits[argmax(logits) as usize];
    let weight = |logit: f32| ((logit - best) / sampling.temperature).exp();
    let mut candidates: Vec<_> = (0..).zip(logits.iter().map(|&logit| weight(logit))).collect();
    if sampling.top_k > 0 && sampling.top_k < candidates.len() {
        candidates.select_nth_unstable_by(sampling.top_k, by_probability);
        candidates.truncate(sampling.top_k);
        candidates.sort_unstable_by(by_probability);
    }
    if sampling.top_p < 1.0 {
        candidates.sort_unstable_by(by_probability);
        let total: f64 = candidates.iter().map(|&(_, weight)| f64::from(weight)).sum();
        let enough = total * f64::from(sampling.top_p);
        let mut sum = 0.0;
        let nucleus = candidates.iter().position(|&(_, weight)| {
            sum += f64::from(weight);
            sum >= enough
        });
        candidates.truncate(nucleus.map_or(candidates.len(), |last| last + 1));
    }
    // The most probable token has weight 1.
    candidates.retain(|&(_, weight)| weight >= sampling.min_p);
    candidates
}

fn by_probability(a: &(u32, f32), b: &(u32, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

/// The id of the greatest logit, the lowest of equals.
fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

/// A number in 0..1 that depends on the seed and the index alone: a counter-based generator, so
/// token i is drawn alike whatever was computed before it. Mixer: SplitMix64 (Steele et al. 2014).
fn uniform(seed: u64, index: u64) -> f64 {
    let start = mix(seed.wrapping_add(GAMMA));
    let bits = mix(start.wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA)));
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// SplitMix64's increment.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's output function: neighbouring inputs, unlike outputs.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Log-probabilities of token `id` and of the `top` most probable tokens under `logits` (one f32 a
/// token id).
pub fn logprobs(logits: &[f32], id: u32, top: usize) -> TokenLogprobs {
    let best = logits[argmax(logits) as usize];
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - best).exp()).sum();
    let log_sum = f64::from(best) + sum.ln();
    let logprob = |logit: f32| (f64::from(logit) - log_sum) as f32;
    let own = logits[id as usize];
    let mut candidates: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
    let top = top.min(candidates.len());
    if top < candidates.len() {
        candidates.select_nth_unstable_by(top, by_probability);
        candidates.truncate(top);
    }
    candidates.sort_unstable_by(by_probability);
    TokenLogprobs {
        logprob: logprob(own),
        rank: logits.iter().filter(|&&logit| logit > own).count(),
        top: candidates.into_iter().map(|(id, logit)| (id, logprob(logit))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 5] = [0.0, 2.0, 1.0, 2.0, -1.0];

    fn drawn(sampling: &Sampling, draws: u64) -> Vec<usize> {
        let mut counts = vec![0; LOGITS.len()];
        for index in 0..draws {
            counts[sample(&LOGITS, sampling, index) as usize] += 1;
        }
        counts
    }

    #[test]
    fn zero_temperature_takes_the_first_of_the_best() {
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        assert_eq!(drawn(&greedy, 10), [0, 10, 0, 0, 0]);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let counts = drawn(&Sampling { temperature: 2.0, ..Sampling::default() }, 20_000);
        let weights = LOGITS.map(|logit| (logit / 2.0).exp());
        let total: f32 = weights.iter().sum();
        for (count, weight) in counts.iter().zip(weights) {
            let expected = weight / total;
            let seen = *count as f32 / 20_000.0;
            assert!((seen - expected).abs() < 0.015, "{seen} is far from {expected}");
        }
    }

    #[test]
    fn filters_leave_what_they_should() {
        let support = |sampling| -> Vec<bool> {
            drawn(&sampling, 2_000).into_iter().map(|count| count > 0).collect()
        };
        let plain = Sampling { temperature: 1.0, ..Sampling::default() };
        assert_eq!(
            support(Sampling { top_k: 1, ..plain.clone() }),
            [false, true, false, false, false]
        );
        assert_eq!(
            support(Sampling { top_k: 2, ..plain.clone() }),
            [false, true, false, true, false]
        );
        // The two best have 0.40 each, the third 0.15.
        assert_eq!(
            support(Sampling { top_p: 0.3, ..plain.clone() }),
            [false, true, false, false, false]
        );
        assert_eq!(
            support(Sampling { top_p: 0.7, ..plain.clone() }),
            [false, true, false, true, false]
        );
        assert_eq!(
            support(Sampling { top_p: 0.9, ..plain.clone() }),
            [false, true, true, true, false]
        );
        assert_eq!(support(Sampling { min_p: 0.3, ..plain }), [false, true, true, true, false]);
    }

    #[test]
    fn draws_depend_on_seed_and_index_alone() {
        let draws = |seed| -> Vec<u32> {
            let sampling = Sampling { seed, ..Sampling::default() };
            (0..64).map(|index| sample(&LOGITS, &sampling, index)).collect()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
    }

    #[test]
    fn logprobs_are_those_of_the_softmax() {
        let all = logprobs(&LOGITS, 2, 9);
        assert_eq!(all.rank, 2);
        assert_eq!(all.top.iter().map(|&(id, _)| id).collect::<Vec<_>>(), [1, 3, 2, 0, 4]);
        let sum: f32 = all.top.iter().map(|&(_, logprob)| logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert_eq!(all.logprob, all.top[2].1);
        assert!(logprobs(&LOGITS, 2, 0).top.is_empty());
    }
}
