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
