//! Keys and values in 8 bits. A block of a KV head has its keys and values one a byte, in the order
//! of those in bf16 (see `Cell`); in INT8, scales in bf16 come behind them, first those of the tokens'
//! keys, then those of their values.
//!
//! A block becomes bf16 before it is multiplied, once for all rows of a tile, and the kernels of
//! bf16 do the rest. bf16 has all values of E4M3. An integer times its scale is rounded to bf16,
//! which adds a tenth to the error that the integer has already.

use throng_spec::e4m3;

use super::cell::scatter;
use crate::cpu::portable::{narrow_one, widen};
use crate::placement::BLOCK_TOKENS;

/// Makes bf16 of a block of a KV head, in the layout of `Cell`: the block, and its keys and values.
pub(crate) type WidenFn = unsafe fn(&[u8], &mut [u16]);

/// Values whose scales are a vector's: a token each pair, or two tokens in turn.
const ROW: usize = 2 * BLOCK_TOKENS;

/// Bytes of the scales of a block's keys, or of its values.
const SCALE_BYTES: usize = 2 * BLOCK_TOKENS;

/// A token's key and value to its place in a block, in E4M3.
pub(super) fn put_fp8(block: &mut [u8], token: usize, key: &[f32], value: &[f32]) {
    scatter::<u16, _>(block, token, (key, value), (e4m3::encode, e4m3::encode));
}

/// The same in INT8.
pub(super) fn put_int8(block: &mut [u8], token: usize, key: &[f32], value: &[f32]) {
    let (cells, scales) = block.split_at_mut(2 * key.len() * BLOCK_TOKENS);
    let own = [key, value].map(scale);
    for (own, scales) in own.iter().zip(scales.as_chunks_mut::<SCALE_BYTES>().0) {
        scales.as_chunks_mut().0[token] = own.to_le_bytes();
    }
    let [key_scale, value_scale] = own.map(widen);
    let narrow = (|x| integer(x, key_scale), |x| integer(x, value_scale));
    scatter::<u16, _>(cells, token, (key, value), narrow);
}

/// The scale of a head's key or value, in bf16. One that is not finite throughout has NaN.
fn scale(x: &[f32]) -> u16 {
    let max = x.iter().fold(0.0f32, |max, x| if x.abs() > max { x.abs() } else { max });
    if !x.iter().all(|x| x.is_finite()) {
        return narrow_one(f32::NAN);
    }
    let scale = max / 127.0;
    // A subnormal one would be zero to AMX and to nobody else.
    if scale < f32::MIN_POSITIVE { 0 } else { narrow_one(scale) }
}

/// The nearest integer. A scale in bf16 may be less than it was by 1 in 512, which leaves the
/// largest of them 127.
fn integer(x: f32, scale: f32) -> u8 {
    // Where the scale is 0 or NaN this is NaN or infinite, and the integer's value nobody's.
    (x / scale).round_ties_even().clamp(-127.0, 127.0) as i8 as u8
}

/// See [`WidenFn`].
#[inline(always)]
pub(crate) fn widen_fp8(block: &[u8], out: &mut [u16]) {
    for (&code, out) in block.iter().zip(out) {
        *out = e4m3::to_bf16(code);
    }
}

/// See [`WidenFn`].
#[inline(always)]
pub(crate) fn widen_int8(block: &[u8], out: &mut [u16]) {
    let half = out.len() / 2;
    let (keys, values) = out.split_at_mut(half);
    let row = half / BLOCK_TOKENS * 2;
    let scales = block_scales(&block[2 * half..]);
    for (integers, out) in block[..half].as_chunks().0.iter().zip(keys.as_chunks_mut().0) {
        widen_row(integers, &scales.keys, out);
    }
    let rows = block[half..2 * half].chunks_exact(row).zip(values.chunks_exact_mut(row));
    for ((integers, out), scales) in rows.zip(&scales.values) {
        let (integers, last) = integers.as_chunks();
        let (out, last_out) = out.as_chunks_mut();
        for (integers, out) in integers.iter().zip(out) {
            widen_row(integers, scales, out);
        }
        for (i, (&integer, out)) in last.iter().zip(last_out).enumerate() {
            *out = narrow_one(f32::from(integer as i8) * scales[i]);
        }
    }
}

#[inline(always)]
fn widen_row(integers: &[u8; ROW], scales: &[f32; ROW], out: &mut [u16; ROW]) {
    for ((&integer, scale), out) in integers.iter().zip(scales).zip(out) {
        *out = narrow_one(f32::from(integer as i8) * scale);
    }
}

/// The scales of a block as its rows need them.
pub(crate) struct BlockScales {
    /// Of a row of keys: each token's, twice.
    pub keys: [f32; ROW],
    /// Of each row of values: its two tokens' in turn.
    pub values: [[f32; ROW]; BLOCK_TOKENS / 2],
}

/// Reads the scales behind a block's integers.
#[inline(always)]
pub(crate) fn block_scales(scales: &[u8]) -> BlockScales {
    let scales = scales.as_chunks::<2>().0;
    let scale = |index: usize| widen(u16::from_le_bytes(scales[index]));
    let pair = |index: usize| std::array::from_fn(|i| scale(BLOCK_TOKENS + 2 * index + i % 2));
    BlockScales { keys: std::array::from_fn(|i| scale(i / 2)), values: std::array::from_fn(pair) }
}
