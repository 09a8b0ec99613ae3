//! Probabilities as whole numbers. A token's weight is e^((logit - best) / temperature), the most
//! probable one's being 1, in fixed point: sums are then exact in any order.

use super::filter::Last;
use super::row::{CHUNK, Chunk, Row};

/// A distance from the best at which a weight rounds to zero.
pub(super) const FAR: f32 = 40.0;

/// Logits to weights, for one row.
pub(super) struct Weights {
    best: f32,
    temperature: f32,
    /// A power of two whose neighbours are one unit of weight away: adding it rounds to units.
    round: f64,
}

impl Weights {
    /// `temperature` is more than 0.
    pub(super) fn new(best: f32, temperature: f32, vocab: usize) -> Self {
        // As fine as leaves room for full chunks of ones in 63 bits: the tokens that round to
        // nothing weigh under 1 part in 2^28 together.
        let unit_bits = (62 - (vocab + CHUNK).ilog2()).min(48);
        Self { best, temperature, round: (1_u64 << (52 - unit_bits)) as f64 }
    }

    /// Weight 1 in units.
    pub(super) fn one(&self) -> u64 {
        self.fixed(1.0)
    }

    /// Of a token with this logit, in units.
    pub(super) fn of(&self, logit: f32) -> u64 {
        self.at(self.distance(logit))
    }

    /// Of a token at this distance, in units.
    pub(super) fn at(&self, distance: f32) -> u64 {
        self.fixed(exp(-distance))
    }

    /// How far below the best a logit is, after temperature; [`FAR`] stands for all beyond.
    pub(super) fn distance(&self, logit: f32) -> f32 {
        let distance = (self.best - logit) / self.temperature;
        if distance < FAR { distance } else { FAR }
    }

    /// The logit so far below the best.
    pub(super) fn logit_at(&self, distance: f32) -> f32 {
        (f64::from(self.best) - f64::from(self.temperature) * f64::from(distance)) as f32
    }

    /// The least logit whose token is at least `fraction` as probable as the best.
    pub(super) fn logit_of(&self, fraction: f32) -> f32 {
        // By bisection: distances are ordered as their bits are, and no system's logarithm is as
        // exactly the inverse of our exponential.
        let (mut within, mut beyond) = (0, FAR.to_bits());
        while beyond - within > 1 {
            let middle = within.midpoint(beyond);
            if exp(-f32::from_bits(middle)) >= fraction {
                within = middle;
            } else {
                beyond = middle;
            }
        }
        self.logit_at(f32::from_bits(within))
    }

    fn fixed(&self, weight: f32) -> u64 {
        (f64::from(weight) + self.round).to_bits() - self.round.to_bits()
    }

    /// The distances of a chunk's tokens up to `last`. Those after it, and those that the chunk
    /// lacks, are far.
    pub(super) fn distances(&self, chunk: &Chunk<'_>, last: Last) -> [f32; CHUNK] {
        let mut distances = [FAR; CHUNK];
        let mut rest = distances.as_mut_slice();
        for (logits, least) in last.split(chunk.first, chunk.logits) {
            let (own, after) = rest.split_at_mut(logits.len());
            for (distance, &logit) in own.iter_mut().zip(logits) {
                *distance = self.distance(if logit >= least { logit } else { f32::NEG_INFINITY });
            }
            rest = after;
        }
        distances
    }

    /// The weights at the distances. One pass for each number format, because the compiler then
    /// has full vectors of each: it takes half the time.
    pub(super) fn at_all(&self, distances: &[f32; CHUNK]) -> [u64; CHUNK] {
        let (mut floats, mut weights) = ([0.0; CHUNK], [0; CHUNK]);
        for (weight, distance) in floats.iter_mut().zip(distances) {
            *weight = exp(-distance);
        }
        for (weight, &float) in weights.iter_mut().zip(&floats) {
            *weight = self.fixed(float);
        }
        weights
    }

    /// The weight of all tokens up to `last`.
    pub(super) fn sum(&self, row: &Row<'_>, last: Last) -> u64 {
        let least = last.logit.max(self.logit_at(FAR));
        row.chunks(|max| max >= least)
            .map(|chunk| self.at_all(&self.distances(&chunk, last)).iter().sum::<u64>())
            .sum()
    }
}

/// e^x for x in -87..=0, to a unit in the last place or so. Our own, and of nothing but IEEE
/// additions and multiplications, because those of the systems' libraries differ; and because
/// the compiler makes vector instructions of it.
///
/// e^x = 2^n e^r with n whole and |r| <= ln(2) / 2; there the Taylor series to r^7 is close enough.
fn exp(x: f32) -> f32 {
    /// Numbers as large as this have no fraction: adding it rounds, and leaves n in the low bits.
    const ROUND: f32 = 1.5 * (1 << 23) as f32;
    /// ln 2 in two parts, the first so short that a multiple of it is exact.
    const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let mut series = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        series = series * r + coefficient;
    }
    f32::from_bits(series.to_bits().wrapping_add(rounded.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_to_the_last_place() {
        for step in 0..=4_000_000 {
            let x = -40.0 * step as f32 / 4_000_000.0;
            let exact = f64::from(x).exp();
            let unit = f64::from((exact as f32).next_up() - exact as f32);
            let error = (f64::from(exp(x)) - exact).abs() / unit;
            assert!(error < 1.25, "e^{x} is {error} units in the last place off");
        }
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn a_fraction_is_so_far_below_the_best() {
        let weights = Weights::new(3.0, 0.5, 100);
        for fraction in [1.0_f32, 0.999, 0.5, 0.05, 1e-6, 1e-16] {
            let exact = 3.0 + 0.5 * f64::from(fraction).ln();
            let error = (f64::from(weights.logit_of(fraction)) - exact).abs();
            assert!(error < 2e-6, "{fraction}: {error}");
        }
        assert_eq!(weights.logit_of(1.0), 3.0);
    }

    #[test]
    fn any_vocabulary_of_ones_can_be_summed() {
        for vocab in [1, 2, 3, 4, 50_257, 201_088, 262_144, 1 << 31, u32::MAX as usize] {
            let weights = Weights::new(1.0, 1.0, vocab);
            assert!(weights.one().checked_mul((vocab + CHUNK) as u64).is_some(), "{vocab}");
            assert_eq!(weights.of(-70.0), 0);
        }
        assert_eq!(Weights::new(1.0, 1.0, 201_088).one(), 1 << 45);
    }
}
