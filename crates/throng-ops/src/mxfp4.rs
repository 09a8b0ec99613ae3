//! MXFP4 (OCP Microscaling Formats 1.0): 32 E2M1 values that share one E8M0 scale.

/// Values in a block.
pub(crate) const BLOCK: usize = 32;

/// Bytes of a block's values, two each.
pub(crate) const BLOCK_BYTES: usize = BLOCK / 2;

/// Bytes of a block as GGUF has it, its scale before its values.
pub(crate) const GGUF_BYTES: usize = 1 + BLOCK_BYTES;

/// Twice the value of each E2M1 code: small integers, so dot products with integers are exact.
pub(crate) const DOUBLED: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// The value of each E2M1 code.
pub(crate) const VALUES: [f32; 16] = {
    let mut values = [0.0; 16];
    let mut code = 0;
    while code < 16 {
        values[code] = DOUBLED[code] as f32 * 0.5;
        code += 1;
    }
    values
};

/// The value of an E8M0 scale, `2^(code - 127)`; code 255 is NaN, code 0 is a denormal.
pub(crate) fn scale(code: u8) -> f32 {
    match code {
        0 => f32::from_bits(1 << 22),
        255 => f32::NAN,
        code => f32::from_bits(u32::from(code) << 23),
    }
}

/// The values of a block, in the order of released checkpoints, and its scale, from GGUF's form,
/// where byte i has value i low and value i + 16 high.
pub(crate) fn from_gguf(block: &[u8; GGUF_BYTES]) -> ([u8; BLOCK_BYTES], u8) {
    let [scale, bytes @ ..] = block;
    let code = |k: usize| bytes[k % 16] >> (k / 16 * 4) & 15;
    (std::array::from_fn(|i| code(2 * i) | code(2 * i + 1) << 4), *scale)
}

/// The codes of a block in the order of its values.
pub(crate) fn codes(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().flat_map(|byte| [byte & 15, byte >> 4])
}

/// The values of a block.
pub(crate) fn decode(bytes: &[u8], scale_code: u8, out: &mut [f32]) {
    let half = 0.5 * f64::from(scale(scale_code));
    for (out, code) in out.iter_mut().zip(codes(bytes)) {
        // In f64, so that half of the smallest scale is not lost.
        *out = (f64::from(DOUBLED[usize::from(code)]) * half) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, scale};

    #[test]
    fn the_sixteen_values_of_e2m1() {
        let bytes: Vec<u8> = (0..8).map(|i| (2 * i) | ((2 * i + 1) << 4)).collect();
        let mut out = [0.0; 16];
        decode(&bytes, 127, &mut out);
        let positive = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
        assert_eq!(out[..8], positive);
        assert_eq!(out[8..], positive.map(|value: f32| -value));
    }

    #[test]
    fn scales_are_powers_of_two() {
        assert_eq!(scale(127), 1.0);
        assert_eq!(scale(130), 8.0);
        assert_eq!(f64::from(scale(0)), 2f64.powi(-127));
        assert_eq!(f64::from(scale(254)), 2f64.powi(127));
        assert!(scale(255).is_nan());
    }
}
