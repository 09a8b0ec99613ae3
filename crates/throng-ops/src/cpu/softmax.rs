//! The online softmax of a row of scores, in loops that the compiler vectorises.

use super::attention::GROUP_TOKENS;
use super::kernels::LANES;

/// How far, in powers of two, a score may be above what weights are relative to. Below that there
/// is no need to make that the new reference, with all earlier sums to be multiplied: weights up
/// to 2^8 are as exact as weights up to 1. It is decided from the row's own scores alone.
pub(crate) const SLACK: f32 = 8.0;

/// Coefficients of r, r², ... in 2^r for |r| up to 1/2: of the polynomial that has its values at
/// the Chebyshev nodes. The error is at most 5e-9.
pub(crate) const EXP2: [f32; 6] = [
    std::f32::consts::LN_2,
    0.240_226_5,
    0.055_503_57,
    0.009_618_083,
    0.001_339_086_3,
    0.000_154_531_63,
];

/// The least exponent that is not subnormal: 2^x is taken for no smaller x.
pub(crate) const LEAST: f32 = -126.0;

/// Adding it to an f32 below 2^22 leaves the nearest integer in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// `2^x` within a few units in the last place, for x up to 127; next to nothing below -126.
#[inline(always)]
fn exp2(x: f32) -> f32 {
    // By comparison and not by `max`, so that NaN stays NaN.
    let x = if x < LEAST { LEAST } else { x };
    let shifted = x + ROUND;
    let r = x - (shifted - ROUND);
    let mut sum = EXP2[5];
    for k in (0..5).rev() {
        sum = sum * r + EXP2[k];
    }
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    (sum * r + 1.0) * f32::from_bits(exponent << 23)
}

/// Takes a row's scores of a group into its softmax and turns them into weights, 0 for what is not
/// `seen`, whatever its score. Gives what earlier sums are to be multiplied with.
#[inline(always)]
pub(crate) fn soften(
    scores: &mut [f32; GROUP_TOKENS],
    seen: u64,
    scale: f32,
    max: &mut f32,
    sums: &mut [f32; LANES],
) -> f32 {
    if seen == 0 {
        scores.fill(0.0);
        return 1.0;
    }
    hide(scores, seen, f32::NEG_INFINITY);
    let mut highest = [f32::NEG_INFINITY; LANES];
    for scores in scores.as_chunks_mut::<LANES>().0 {
        for (score, highest) in scores.iter_mut().zip(&mut highest) {
            *score *= scale;
            *highest = if *score > *highest { *score } else { *highest };
        }
    }
    let highest = highest.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    let before = *max;
    if highest > before + SLACK {
        *max = highest;
    }
    for score in scores.iter_mut() {
        *score = exp2(*score - *max);
    }
    hide(scores, seen, 0.0);
    let correction = if *max == before { 1.0 } else { exp2(before - *max) };
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| &scores.as_chunks::<LANES>().0[i]);
    for (lane, sum) in sums.iter_mut().enumerate() {
        *sum = *sum * correction + ((a[lane] + b[lane]) + (c[lane] + d[lane]));
    }
    correction
}

/// Replaces what is not seen, which may be anything.
#[inline(always)]
fn hide(scores: &mut [f32; GROUP_TOKENS], seen: u64, by: f32) {
    if seen != !0 {
        for (i, score) in scores.iter_mut().enumerate() {
            *score = if seen >> i & 1 == 1 { *score } else { by };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{exp2, soften};
    use crate::cpu::attention::GROUP_TOKENS;

    #[test]
    fn exp2_is_close_and_keeps_its_ends() {
        for i in -12_500..12_700 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp2();
            assert!((f64::from(exp2(x)) - expected).abs() < 4e-7 * expected, "exp2({x})");
        }
        assert_eq!(exp2(0.0), 1.0);
        assert!(exp2(f32::NEG_INFINITY) < 2e-38);
        assert!(exp2(f32::NAN).is_nan());
    }

    #[test]
    fn scores_rise_and_the_sum_follows() {
        let (mut max, mut sums) = (f32::NEG_INFINITY, [0.0; 16]);
        let mut expected = 0.0;
        for group in 0..9 {
            let score = |i: usize| (group * 5) as f32 + i as f32 / 8.0;
            let mut scores: [f32; GROUP_TOKENS] = std::array::from_fn(score);
            let seen = !0 << group;
            scores[..group].fill(f32::NAN);
            soften(&mut scores, seen, 0.5, &mut max, &mut sums);
            expected += (group..64).map(|i| f64::from(score(i) / 2.0).exp2()).sum::<f64>();
            let sum = f64::from(sums.iter().sum::<f32>()) * f64::from(max).exp2();
            assert!((sum - expected).abs() < 1e-5 * expected, "group {group}: {sum} {expected}");
            assert!(scores[..group].iter().all(|&weight| weight == 0.0));
        }
    }
}
