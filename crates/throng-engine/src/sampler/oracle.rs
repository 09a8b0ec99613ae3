//! Sampling as one would write it down: everything is sorted, nothing is left out. It shares
//! `Weights::of` and the random numbers with the fast path, so that both must agree exactly;
//! `tests.rs` compares those two with what they stand for.

use super::random::Stream;
use super::row::{CHUNK, by_probability};
use super::weights::Weights;
use crate::event::TokenLogprobs;
use crate::request::Sampling;

pub(super) fn sample(logits: &[f32], sampling: &Sampling, index: u64) -> u32 {
    let mut tokens = in_order(logits);
    let (first, best) = tokens[0];
    if sampling.temperature == 0.0 {
        return first;
    }
    let weights = Weights::new(best, sampling.temperature, logits.len());
    keep(&mut tokens, &weights, sampling);
    // By chunk, and by slot of any chunk.
    let mut widths = vec![None; logits.len().div_ceil(CHUNK)];
    let mut own = vec![0; widths.len() * CHUNK];
    for (id, logit) in tokens {
        own[id as usize] = weights.of(logit);
        widths[id as usize / CHUNK].get_or_insert(weights.of(logit));
    }
    let width = |slot: usize| widths[slot / CHUNK].unwrap_or(0);
    let end = (0..own.len()).map(width).sum();
    let mut stream = Stream::new(sampling.seed, index);
    loop {
        let mut height = stream.below(end);
        let mut slot = 0;
        while height >= width(slot) {
            height -= width(slot);
            slot += 1;
        }
        if height < own[slot] {
            return slot as u32;
        }
    }
}

/// Every token, the most probable first.
fn in_order(logits: &[f32]) -> Vec<(u32, f32)> {
    let mut tokens: Vec<_> = (0..).zip(logits.iter().copied()).collect();
    tokens.sort_unstable_by(by_probability);
    tokens
}

fn keep(tokens: &mut Vec<(u32, f32)>, weights: &Weights, sampling: &Sampling) {
    if sampling.min_p > 0.0 {
        let least = weights.logit_of(sampling.min_p);
        tokens.retain(|&(_, logit)| logit >= least);
    }
    if sampling.top_k > 0 {
        tokens.truncate(sampling.top_k);
    }
    if sampling.top_p < 1.0 {
        let total: u64 = tokens.iter().map(|&(_, logit)| weights.of(logit)).sum();
        let goal = ((total as f64 * f64::from(sampling.top_p)) as u64).clamp(1, total);
        let mut sum = 0;
        let reached = tokens.iter().position(|&(_, logit)| {
            sum += weights.of(logit);
            sum >= goal
        });
        tokens.truncate(reached.unwrap() + 1);
    }
}

/// In f64 and with the system's exponential.
pub(super) fn logprobs(logits: &[f32], id: u32, top: usize) -> TokenLogprobs {
    let tokens = in_order(logits);
    let best = f64::from(tokens[0].1);
    let sum: f64 = logits.iter().map(|&logit| (f64::from(logit) - best).exp()).sum();
    let logprob = |logit: f32| (f64::from(logit) - best - sum.ln()) as f32;
    let own = logits[id as usize];
    TokenLogprobs {
        logprob: logprob(own),
        rank: logits.iter().filter(|&&logit| logit > own).count(),
        top: tokens.iter().take(top).map(|&(id, logit)| (id, logprob(logit))).collect(),
    }
}
