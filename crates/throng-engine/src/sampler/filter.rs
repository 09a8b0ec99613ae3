//! The filters. Each keeps a beginning of the order of probability, so all of them together come
//! to one token: the last that is kept.

use super::Work;
use super::row::{CHUNK, Row, by_probability};
use super::weights::{FAR, Weights};
use crate::request::Sampling;

/// A place in the order of probability (greater logits first, of equals the lower id): that token
/// and those before it are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Last {
    /// The last token's logit.
    pub(super) logit: f32,
    /// Its id.
    pub(super) id: u32,
}

impl Last {
    /// Everything is kept.
    pub(super) const OF_ALL: Self = Self { logit: f32::NEG_INFINITY, id: u32::MAX };

    /// Whether a token is kept.
    pub(super) fn keeps(&self, id: u32, logit: f32) -> bool {
        logit > self.logit || (logit == self.logit && id <= self.id)
    }

    /// Tokens from id `first` on in two parts, each with the least logit that is kept of it.
    pub(super) fn split<'a>(&self, first: u32, logits: &'a [f32]) -> [(&'a [f32], f32); 2] {
        let before = (self.id as usize + 1).saturating_sub(first as usize).min(logits.len());
        let (before, after) = logits.split_at(before);
        [(before, self.logit), (after, self.logit.next_up())]
    }

    fn or_earlier(self, other: Self) -> Self {
        if self.keeps(other.id, other.logit) { other } else { self }
    }
}

/// The last token that all filters keep.
pub(super) fn last_kept(
    row: &Row<'_>,
    weights: &Weights,
    sampling: &Sampling,
    work: &mut Work,
) -> Last {
    let mut last = Last::OF_ALL;
    if sampling.min_p > 0.0 {
        last = Last { logit: weights.logit_of(sampling.min_p), id: u32::MAX };
    }
    if (1..row.vocab()).contains(&sampling.top_k) {
        last = last.or_earlier(row.nth(sampling.top_k, &mut work.candidates));
    }
    if sampling.top_p < 1.0 {
        last = nucleus(row, weights, last, sampling.top_p, work);
    }
    last
}

/// Of the tokens up to `last`, the first that with those before it have `top_p` of their weight
/// (Holtzman et al. 2020).
///
/// A histogram of weights by distance from the best finds the bucket in which that is, and only
/// its tokens are sorted. Most of the weight is near the best, so chunks that come nowhere near
/// it are counted only if the others do not suffice.
fn nucleus(row: &Row<'_>, weights: &Weights, last: Last, top_p: f32, work: &mut Work) -> Last {
    let total = weights.sum(row, last);
    let goal = ((total as f64 * f64::from(top_p)) as u64).clamp(1, total.max(1));
    work.histogram.clear();
    work.histogram.resize(BUCKETS, 0);
    let bucket_of = |logit| bucket(weights.distance(logit));
    let mut counted = 0;
    for limit in [bucket(3.0), bucket(10.0), BUCKETS as u32] {
        let added = counted..limit;
        for chunk in row.chunks(|max| max >= last.logit && added.contains(&bucket_of(max))) {
            let distances = weights.distances(&chunk, last);
            for (bucket, weight) in buckets(&distances).into_iter().zip(weights.at_all(&distances))
            {
                work.histogram[bucket as usize] += weight;
            }
        }
        counted = limit;
        // Buckets under the limit are complete: a chunk with a token in them was counted.
        let mut before = 0;
        for (wanted, &sum) in (0..limit).zip(&work.histogram) {
            if before + sum >= goal {
                work.candidates.clear();
                for chunk in row.chunks(|max| bucket_of(max) <= wanted) {
                    let buckets = buckets(&weights.distances(&chunk, last));
                    let here = chunk.tokens().zip(buckets).filter(|&(_, bucket)| bucket == wanted);
                    work.candidates.extend(here.map(|(token, _)| token));
                }
                return reach(&mut work.candidates, weights, goal - before).unwrap_or(last);
            }
            before += sum;
        }
    }
    last
}

/// The first of the tokens, in order of probability, that with those before it weighs `goal`.
fn reach(tokens: &mut [(u32, f32)], weights: &Weights, goal: u64) -> Option<Last> {
    tokens.sort_unstable_by(by_probability);
    let mut sum = 0;
    let mut reached = tokens.iter().filter(|&&(_, logit)| {
        sum += weights.of(logit);
        sum >= goal
    });
    reached.next().map(|&(id, logit)| Last { logit, id })
}

/// Distances that are told apart at least; nearer ones are one bucket.
const NEAR: f32 = 1.0 / 65536.0;
/// Buckets of a histogram by distance: 2^7 for each power of two.
const BUCKETS: usize = bucket(FAR) as usize + 1;

/// The bucket of a distance: the leading bits of the number, whose order is the numbers' own.
const fn bucket(distance: f32) -> u32 {
    let distance = if distance > NEAR { distance } else { NEAR };
    (distance.to_bits() - NEAR.to_bits()) >> 16
}

fn buckets(distances: &[f32; CHUNK]) -> [u32; CHUNK] {
    let mut buckets = [0; CHUNK];
    for (own, &distance) in buckets.iter_mut().zip(distances) {
        *own = bucket(distance);
    }
    buckets
}
