//! Random numbers that depend on a seed and an index alone: a counter-based generator, so token i
//! is drawn alike whatever was computed before it. Mixer: SplitMix64 (Steele et al. 2014).

/// SplitMix64's increment.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The random numbers for one token of an answer.
pub(super) struct Stream(u64);

impl Stream {
    /// For token `index` of an answer.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let answer = mix(seed.wrapping_add(GAMMA));
        Self(mix(answer.wrapping_add(index.wrapping_add(1).wrapping_mul(GAMMA))))
    }

    /// The next whole number in `0..end`; how likely they are differs by 1 in 2^64.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        ((u128::from(mix(self.0)) * u128::from(end)) >> 64) as u64
    }
}

/// SplitMix64's output function: neighbouring inputs, unlike outputs.
pub(crate) const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
