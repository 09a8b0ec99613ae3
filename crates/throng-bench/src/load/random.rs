//! Draws that a seed repeats: prompts, arrivals, who leaves when.

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of draws of a seed and of what it is for, such as a level and a request's number.
    pub(crate) fn new(seed: u64, purpose: &[u64]) -> Self {
        // Every number is mixed in by a draw, so that neighbours share nothing.
        Self(purpose.iter().fold(seed, |state, &number| Self(state ^ number).next()))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in `0..bound`, or 0 where that is empty. The bias is below `bound` / 2⁶⁴.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * bound as u128;
        (product >> 64) as usize
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential with this mean: the gap between two arrivals of a Poisson process.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_a_purpose_separates() {
        let draw = |seed, purpose: &[u64]| Random::new(seed, purpose).next();
        assert_eq!(draw(1, &[2, 3]), draw(1, &[2, 3]));
        let draws = [draw(1, &[2, 3]), draw(1, &[3, 2]), draw(1, &[2]), draw(2, &[2, 3])];
        let distinct: std::collections::BTreeSet<u64> = draws.into();
        assert_eq!(distinct.len(), draws.len());
    }

    #[test]
    fn draws_have_the_means_that_they_should() {
        let mut random = Random::new(7, &[]);
        let mean =
            |draw: &mut dyn FnMut() -> f64| (0..20_000).map(|_| draw()).sum::<f64>() / 20_000.0;
        assert!((mean(&mut || random.unit()) - 0.5).abs() < 0.02);
        assert!((mean(&mut || random.exponential(3.0)) - 3.0).abs() < 0.1);
        assert!((mean(&mut || random.below(11) as f64) - 5.0).abs() < 0.1);
        assert_eq!(random.below(0), 0);
    }
}
