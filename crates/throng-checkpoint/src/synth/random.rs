//! Random numbers by their place: the i-th of a stream needs none of those before it, so any part of
//! a tensor can be made on any thread. Integers and single roundings only, the same on any machine.

/// SplitMix64 (Steele, Lea and Flood 2014), whose i-th output is a function of its state and i.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream(u64);

impl Stream {
    /// The stream of a name. Streams of different names or seeds have nothing in common.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a (Fowler, Noll and Vo), for it is short and never changes.
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(mix(mix(seed) ^ hash))
    }

    /// 64 random bits.
    pub(super) const fn bits(self, index: u64) -> u64 {
        mix(self.0.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    }

    /// A number of mean 0 and variance 1, nearly normal: the sum of four uniform ones (Irwin and
    /// Hall 1927), so never beyond 2·√3.
    pub(super) fn normal(self, index: u64) -> f32 {
        let bits = self.bits(index);
        let part = |shift: u32| i32::from((bits >> shift) as u16);
        let sum = part(0) + part(16) + part(32) + part(48) - 2 * 0xFFFF;
        // Each of the four has a variance of 2^32 / 12.
        sum as f32 * (1.732_050_8 / 65_536.0)
    }
}

/// SplitMix64's finaliser: every bit of the result depends on every bit of the argument.
const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::Stream;

    #[test]
    fn it_is_splitmix64() {
        // The first outputs of the published generator for the state 0.
        let stream = Stream(0);
        assert_eq!(stream.bits(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(stream.bits(1), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn the_normal_numbers_have_the_moments_they_should() {
        let stream = Stream::new(7, "weights");
        let count = 100_000;
        let moment = |power: i32| {
            (0..count).map(|i| f64::from(stream.normal(i)).powi(power)).sum::<f64>() / count as f64
        };
        assert!(moment(1).abs() < 0.02, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "{}", moment(2));
        // A normal distribution has 3; the sum of four uniform ones 3 - 1.2 / 4.
        assert!((moment(4) - 2.7).abs() < 0.1, "{}", moment(4));
    }

    #[test]
    fn names_and_seeds_have_streams_of_their_own() {
        let first = |seed, name| Stream::new(seed, name).bits(0);
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }
}
