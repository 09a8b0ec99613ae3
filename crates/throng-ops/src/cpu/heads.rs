//! What happens to each head of a step's queries and keys: norm and rotary position embedding.

use throng_spec::Heads;

use super::kernels::Kernels;
use super::pool::Pool;
use super::scatter::for_each_part;
use super::work::grain;
use crate::backend::Attention;
use crate::placement::Angles;

/// Rotates all query and key heads in place; dimension i is paired with i + dim/2.
pub(crate) fn rotate(
    (kernels, pool): (&Kernels, &mut Pool),
    attention: &Attention,
    angles: &Angles,
    qkv: &mut [f32],
) {
    let Heads { query, kv, dim } = attention.heads;
    let (width, half) = (attention.qkv_width(), dim / 2);
    let tokens = angles.cos.len() / half;
    let qkv = &mut qkv[..tokens * width];
    for_each_part(pool, qkv, width, grain(pool, tokens, 4 * width), &|token, qkv| {
        let cos = &angles.cos[token * half..][..half];
        let sin = &angles.sin[token * half..][..half];
        // SAFETY: a reference to the kernels is proof that the machine can run them.
        unsafe { (kernels.rotate)(cos, sin, &mut qkv[..(query + kv) * dim]) };
    });
}

/// RMSNorm of all query heads of `x` with the first weight and of all key heads with the second, to
/// `qkv`, whose values stay.
pub(crate) fn norm(
    (kernels, pool): (&Kernels, &mut Pool),
    attention: &Attention,
    (query_weight, key_weight): (&[f32], &[f32]),
    epsilon: f32,
    (x, qkv): (&[f32], &mut [f32]),
) {
    let Heads { query, kv, dim } = attention.heads;
    let width = attention.qkv_width();
    let tokens = qkv.len() / width;
    for_each_part(pool, qkv, width, grain(pool, tokens, 4 * width), &|token, qkv| {
        let heads = x[token * width..].chunks_exact(dim).zip(qkv.chunks_exact_mut(dim));
        for (index, (x, head)) in heads.take(query + kv).enumerate() {
            let weight = if index < query { query_weight } else { key_weight };
            // SAFETY: a reference to the kernels is proof that the machine can run them.
            unsafe { (kernels.rms_norm)(x, weight, epsilon, head) };
        }
    });
}
