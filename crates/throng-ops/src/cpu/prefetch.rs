//! Asks for weights that are kept as integers before their turn.

use std::arch::x86_64::*;

use super::integers::LINE;

/// How many blocks before its turn a block is asked for from memory: while a core computes, it looks
/// too little ahead by itself. Few lines can be on their way to the first-level cache at a time and
/// many to the second, so a block is brought to the second first.
const FAR: usize = 24;

/// How many blocks before its turn a block is brought on to the first-level cache.
const NEAR: usize = 2;

/// Asks for a block that comes soon and one that comes later, given the lines of the one at hand.
#[inline(always)]
pub(super) fn prefetch(lines: &[u8]) {
    let start = lines.as_ptr();
    let [near, far] = [NEAR, FAR].map(|blocks| start.wrapping_add(blocks * lines.len()));
    for line in (0..lines.len()).step_by(LINE) {
        // SAFETY: every x86-64 has SSE, and a prefetch reads nothing, wherever it points.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(near.wrapping_add(line).cast());
            _mm_prefetch::<_MM_HINT_T1>(far.wrapping_add(line).cast());
        }
    }
}

/// Asks for the block that comes so many blocks later.
#[inline(always)]
pub(super) fn prefetch_far(lines: &[u8], blocks: usize) {
    let far = lines.as_ptr().wrapping_add(blocks * lines.len());
    for line in (0..lines.len()).step_by(LINE) {
        // SAFETY: as above.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(far.wrapping_add(line).cast()) };
    }
}
