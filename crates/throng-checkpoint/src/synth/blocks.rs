//! Values in blocks that share a scale: MXFP4 in its two forms, and Q8_0.

use throng_spec::{DType, quantise};

use super::plan::Part;
use super::random::Stream;
use super::recipe::Exponents;

/// 64-bit draws that an MXFP4 block is made of: two for its nibbles, one for its scale.
const DRAWS: u64 = 3;
/// Values of a block.
const LEN: usize = DType::Mxfp4.block_len();

/// The MXFP4 blocks of a role.
pub(super) struct Mxfp4 {
    stream: Stream,
    exponents: Exponents,
}

impl Mxfp4 {
    pub(super) fn new(part: &Part) -> Self {
        Self { stream: part.stream, exponents: Exponents::new(part.recipe.deviation) }
    }

    /// Nibbles in the order of the values, two a byte, low half first.
    pub(super) fn nibbles(&self, block: u64) -> [u8; LEN / 2] {
        let [first, second] = [0, 1].map(|draw| u128::from(self.stream.bits(block * DRAWS + draw)));
        (second << 64 | first).to_le_bytes()
    }

    /// The scale, E8M0.
    pub(super) fn scale(&self, block: u64) -> u8 {
        let draw = (self.stream.bits(block * DRAWS + 2) >> 32) as u32;
        self.exponents.low + u8::from(draw < self.exponents.high_share)
    }

    /// GGUF's form: the scale, then bytes with value i in the low half and i + 16 in the high one.
    pub(super) fn push_block(&self, block: u64, out: &mut Vec<u8>) {
        let nibbles = self.nibbles(block);
        let value = |index: usize| nibbles[index / 2] >> (index % 2 * 4) & 0xF;
        out.push(self.scale(block));
        out.extend((0..LEN / 2).map(|index| value(index) | value(index + LEN / 2) << 4));
    }
}

/// Appends values as Q8_0 in GGUF's form: the scale of 32 integers, then these.
pub(super) fn push_q8_0(values: &[f32], out: &mut Vec<u8>) {
    const DTYPE: DType = DType::Q8_0;
    let (mut integers, mut scales) = (Vec::new(), Vec::new());
    quantise(DTYPE, values, &mut integers, &mut scales);
    let scales = scales.chunks_exact(DTYPE.scale_bytes());
    for (scale, integers) in scales.zip(integers.chunks_exact(DTYPE.block_len())) {
        out.extend(scale);
        out.extend(integers);
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::push_q8_0;

    #[test]
    fn q8_0_is_within_half_a_step_of_each_value() {
        let values: Vec<f32> = (0..64).map(|i| (i as f32 - 20.0) * 0.37).collect();
        let mut bytes = Vec::new();
        push_q8_0(&values, &mut bytes);
        assert_eq!(bytes.len(), 2 * 34);
        for (block, values) in bytes.chunks_exact(34).zip(values.chunks_exact(32)) {
            let scale = f16::from_le_bytes([block[0], block[1]]).to_f32();
            for (&byte, value) in block[2..].iter().zip(values) {
                let error = (f32::from(byte as i8) * scale - value).abs();
                assert!(error <= 0.5001 * scale, "{value} is off by {error}, a step is {scale}");
            }
        }
        bytes.clear();
        push_q8_0(&[0.0; 32], &mut bytes);
        assert_eq!(bytes, [0; 34]);
    }
}
