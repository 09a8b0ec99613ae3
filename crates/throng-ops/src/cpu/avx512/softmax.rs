//! The online softmax of a row: see the portable `softmax::soften`, whose steps these are.

use std::arch::x86_64::*;

use super::vector::{load_f32, store};
use crate::cpu::attention::GROUP_TOKENS;
use crate::cpu::kernels::LANES;
use crate::cpu::softmax::{EXP2, LEAST, SLACK};

/// Vectors of a row's scores.
const VECTORS: usize = GROUP_TOKENS / LANES;

/// Takes a row's scores of a group into its softmax and turns them into weights; `out` becomes
/// relative to the same score as they.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn soften(
    scores: &mut [f32; GROUP_TOKENS],
    seen: u64,
    scale: f32,
    (max, sums): (&mut f32, &mut [f32; LANES]),
    out: &mut [f32],
) {
    if seen == 0 {
        scores.fill(0.0);
        return;
    }
    let weights = weights(scores, seen, scale, (max, sums), out);
    for (scores, weights) in scores.as_chunks_mut().0.iter_mut().zip(weights) {
        store(weights, scores);
    }
    let total =
        _mm512_add_ps(_mm512_add_ps(weights[0], weights[1]), _mm512_add_ps(weights[2], weights[3]));
    store(_mm512_add_ps(load_f32(sums), total), sums);
}

/// The weights of a row's scores, and zeros for what is not seen. If they are relative to another
/// score than before, `sums` and `out` follow.
#[inline]
#[target_feature(enable = "avx512f")]
pub(crate) fn weights(
    scores: &[f32; GROUP_TOKENS],
    seen: u64,
    scale: f32,
    (max, sums): (&mut f32, &mut [f32; LANES]),
    out: &mut [f32],
) -> [__m512; VECTORS] {
    let lowest = _mm512_set1_ps(f32::NEG_INFINITY);
    let scores = scores.as_chunks::<LANES>().0;
    let mut vectors = [lowest; VECTORS];
    for (i, (vector, scores)) in vectors.iter_mut().zip(scores).enumerate() {
        *vector = _mm512_mask_mov_ps(lowest, (seen >> (i * LANES)) as __mmask16, load_f32(scores));
    }
    let highest =
        _mm512_max_ps(_mm512_max_ps(vectors[0], vectors[1]), _mm512_max_ps(vectors[2], vectors[3]));
    let highest = _mm512_reduce_max_ps(highest) * scale;
    if highest > *max + SLACK {
        let correction = exp2(_mm512_set1_ps(*max - highest));
        let least = _mm512_set1_ps(f32::MIN_POSITIVE);
        for values in out.as_chunks_mut().0 {
            // No subnormals: AMX, which takes them for zero, comes by or not as others need it.
            let scaled = _mm512_mul_ps(load_f32(values), correction);
            let tiny = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(_mm512_abs_ps(scaled), least);
            store(_mm512_mask_mov_ps(scaled, tiny, _mm512_setzero_ps()), values);
        }
        store(_mm512_mul_ps(load_f32(sums), correction), sums);
        *max = highest;
    }
    let (scale, max) = (_mm512_set1_ps(scale), _mm512_set1_ps(*max));
    for (i, vector) in vectors.iter_mut().enumerate() {
        let weights = exp2(_mm512_fmsub_ps(*vector, scale, max));
        *vector = _mm512_maskz_mov_ps((seen >> (i * LANES)) as __mmask16, weights);
    }
    vectors
}

/// `2^x` within a few units in the last place; next to nothing below -126.
#[inline]
#[target_feature(enable = "avx512f")]
fn exp2(x: __m512) -> __m512 {
    // In this order, so that NaN stays NaN.
    let x = _mm512_max_ps(_mm512_set1_ps(LEAST), x);
    let whole = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(x);
    let r = _mm512_sub_ps(x, whole);
    let mut sum = _mm512_set1_ps(EXP2[5]);
    for k in (0..5).rev() {
        sum = _mm512_fmadd_ps(sum, r, _mm512_set1_ps(EXP2[k]));
    }
    _mm512_scalef_ps(_mm512_fmadd_ps(sum, r, _mm512_set1_ps(1.0)), whole)
}
