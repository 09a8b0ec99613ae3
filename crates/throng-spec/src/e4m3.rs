//! E4M3, an 8-bit float of the OCP 8-bit Floating Point Specification (revision 1.0, 2023): a sign, four
//! bits of exponent with bias 7, three of mantissa. There are no infinities, and one NaN of each sign.
//! Weights are stored so ([`DType::Fp8`](crate::DType::Fp8)) and keys and values kept
//! ([`KvDtype::Fp8`](crate::KvDtype::Fp8)).

use half::bf16;

/// The largest value: 1.75 · 2^8.
const MAX: f32 = 448.0;

/// The least normal value; below it, values are [`STEP`] apart.
const MIN_NORMAL: f32 = 1.0 / 64.0;
const STEP: f32 = 1.0 / 512.0;

const LARGEST: u8 = 0x7e;

/// The NaN that is made here, of the two that there are.
pub const NAN: u8 = 0x7f;

/// Rounds to the nearest value, to even where halfway. What is too large becomes the largest value of
/// its sign. What is not finite becomes NaN, so that a computation that failed does not pass for
/// one that did not.
#[inline(always)]
pub fn encode(x: f32) -> u8 {
    let magnitude = x.abs();
    let bits = magnitude.to_bits();
    if !magnitude.is_finite() {
        return NAN;
    }
    let code = if magnitude >= MAX {
        LARGEST
    } else if magnitude < MIN_NORMAL {
        (magnitude / STEP).round_ties_even() as u8
    } else {
        // From bias 127 and 23 bits of mantissa.
        let rounded = (bits + 0x7_ffff + (bits >> 20 & 1)) >> 20;
        (rounded - (120 << 3)) as u8
    };
    code | (x.to_bits() >> 24) as u8 & 0x80
}

/// A value as bf16, which has all of them.
#[inline(always)]
pub fn to_bf16(code: u8) -> u16 {
    let (sign, magnitude) = (u16::from(code & 0x80) << 8, u16::from(code & 0x7f));
    // Comparisons and no table, so that the compiler may take many at once.
    let value = if magnitude == u16::from(NAN) {
        0x7fc0
    } else if magnitude >= 8 {
        (magnitude << 4) + (120 << 7)
    } else if magnitude >= 4 {
        BF16_SMALL[4] + ((magnitude - 4) << 5)
    } else if magnitude >= 2 {
        BF16_SMALL[2] + ((magnitude - 2) << 6)
    } else {
        magnitude * BF16_SMALL[1]
    };
    sign | value
}

/// A value as f32.
#[inline(always)]
pub fn to_f32(code: u8) -> f32 {
    bf16::from_bits(to_bf16(code)).to_f32()
}

/// The values below the normal ones as bf16: 0 to 7 times 2^-9.
pub const BF16_SMALL: [u16; 8] = [0, 0x3b00, 0x3b80, 0x3bc0, 0x3c00, 0x3c20, 0x3c40, 0x3c60];

#[cfg(test)]
mod tests {
    use super::{BF16_SMALL, encode, to_bf16, to_f32};

    /// By the definition.
    fn value(code: u8) -> f32 {
        let (exponent, mantissa) = (i32::from(code >> 3 & 15), f32::from(code & 7));
        let magnitude = match (exponent, code & 7) {
            (15, 7) => f32::NAN,
            (0, _) => mantissa * 2f32.powi(-9),
            _ => (8.0 + mantissa) * 2f32.powi(exponent - 10),
        };
        if code & 0x80 == 0 { magnitude } else { -magnitude }
    }

    #[test]
    fn every_code_is_its_value_and_back() {
        for code in 0..=255 {
            let (ours, expected) = (to_f32(code), value(code));
            if expected.is_nan() {
                assert!(ours.is_nan(), "{code:#x}");
                assert_eq!(encode(expected), 0x7f);
            } else {
                assert_eq!(ours.to_bits(), expected.to_bits(), "{code:#x}");
                assert_eq!(encode(expected), code);
            }
        }
        assert_eq!((value(0x7e), value(0x08), value(0x01)), (448.0, 1.0 / 64.0, 1.0 / 512.0));
        assert!((0..8).all(|code| to_bf16(code) == BF16_SMALL[usize::from(code)]));
    }

    #[test]
    fn between_two_values_it_is_the_nearer_and_halfway_the_even_one() {
        for code in 0..0x7e {
            let (low, high) = (value(code), value(code + 1));
            let middle = (low + high) / 2.0;
            let below = f32::from_bits(middle.to_bits() - 1);
            let above = f32::from_bits(middle.to_bits() + 1);
            let even = code + code % 2;
            assert_eq!([below, middle, above].map(encode), [code, even, code + 1], "{middle}");
            assert_eq!(encode(-middle), even | 0x80);
        }
    }

    #[test]
    fn what_is_too_large_is_the_largest_and_what_is_not_finite_is_nan() {
        for x in [448.0, 460.0, 464.0, 480.0, 1e9, f32::MAX] {
            assert_eq!([encode(x), encode(-x)], [0x7e, 0xfe], "{x}");
        }
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(encode(x), 0x7f, "{x}");
        }
        assert_eq!([encode(0.0), encode(-0.0), encode(1e-30), encode(-1e-30)], [0, 0x80, 0, 0x80]);
    }
}
