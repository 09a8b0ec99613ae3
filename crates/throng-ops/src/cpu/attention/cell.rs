//! An element of the KV cache, and where in a block each stands.

use crate::cpu::portable::{narrow_one, widen};
use crate::placement::BLOCK_TOKENS;

/// An element of the KV cache. A block has, for each KV head, keys and then values.
///
/// * f32: keys `[dim, BLOCK_TOKENS]`, values `[BLOCK_TOKENS, dim]`.
/// * bf16: keys `[dim / 2, BLOCK_TOKENS, 2]`, values `[BLOCK_TOKENS / 2, dim, 2]`: what a product
///   sums over lies in pairs, as the instructions for bf16 want it, and f32 of either half is one
///   instruction away.
///
/// Either way the lanes of a vector are keys while scores are computed, and dimensions of the
/// values while those are summed.
pub(crate) trait Cell: Copy + Send + Sync {
    /// Rounds to it.
    fn narrow(x: f32) -> Self;

    /// Its value.
    fn widen(self) -> f32;

    /// Where a block's keys have dimension `d` of `token`.
    fn key_index(token: usize, d: usize) -> usize;

    /// Where a block's values, `dim` a token, have dimension `d` of `token`.
    fn value_index(dim: usize, token: usize, d: usize) -> usize;
}

/// A token's key and value to its place in a block of a KV head.
pub(super) fn put<T: Cell>(block: &mut [T], token: usize, key: &[f32], value: &[f32]) {
    scatter::<T, _>(block, token, (key, value), (T::narrow, T::narrow));
}

/// The same with cells of any type, which are made by these functions and lie as those of `L` do.
pub(super) fn scatter<L: Cell, T>(
    block: &mut [T],
    token: usize,
    (key, value): (&[f32], &[f32]),
    (narrow_key, narrow_value): (impl Fn(f32) -> T, impl Fn(f32) -> T),
) {
    let dim = key.len();
    let (keys, values) = block.split_at_mut(dim * BLOCK_TOKENS);
    for (d, (&key, &value)) in key.iter().zip(value).enumerate() {
        keys[L::key_index(token, d)] = narrow_key(key);
        values[L::value_index(dim, token, d)] = narrow_value(value);
    }
}

/// The bytes of cells.
pub(super) fn bytes<T: Cell>(cells: &[T]) -> &[u8] {
    // SAFETY: a cell is a plain number, all bytes of which are initialised, and a byte needs no
    // alignment.
    unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), size_of_val(cells)) }
}

impl Cell for f32 {
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        x
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn key_index(token: usize, d: usize) -> usize {
        d * BLOCK_TOKENS + token
    }

    #[inline(always)]
    fn value_index(dim: usize, token: usize, d: usize) -> usize {
        token * dim + d
    }
}

impl Cell for u16 {
    #[inline(always)]
    fn narrow(x: f32) -> Self {
        narrow_one(x)
    }

    #[inline(always)]
    fn widen(self) -> f32 {
        widen(self)
    }

    #[inline(always)]
    fn key_index(token: usize, d: usize) -> usize {
        (d / 2 * BLOCK_TOKENS + token) * 2 + d % 2
    }

    #[inline(always)]
    fn value_index(dim: usize, token: usize, d: usize) -> usize {
        (token / 2 * dim + d) * 2 + token % 2
    }
}
