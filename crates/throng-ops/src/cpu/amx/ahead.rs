//! Asks memory for the keys and values that attention comes to next.

use std::arch::x86_64::*;

use crate::cpu::attention::{GROUP_BLOCKS, GROUP_TOKENS, KvGroup};
use crate::placement::BLOCK_TOKENS;

/// Bytes of a cache line.
const LINE: usize = 64;

/// Parts in which a group is asked for: as many as it has pairs of tokens.
const PARTS: usize = GROUP_TOKENS / 2;

/// Parts of a block.
const BLOCK_PARTS: usize = BLOCK_TOKENS / 2;

/// Parts that are asked for by the time when values are staged. With so many, and a quarter in each
/// of what follows, one user's walk through 32,768 keys read 10 to 20 % more in a second than with
/// all of them in the first two, or with most left for the softmaxes.
const STAGED: usize = PARTS / 2;

/// And when scores are there.
const SCORED: usize = PARTS / 4 * 3;

/// The next group of keys and values, asked for part by part while this one is computed.
///
/// Blocks lie anywhere, so the machine does not foresee where the next one begins. And a core waits
/// for few lines at a time: all of them at once would hold up what comes behind, and then memory
/// would have nothing to do while scores become weights.
pub(super) struct Ahead<'a> {
    next: [&'a [u8]; GROUP_BLOCKS],
    /// Parts asked for.
    asked: usize,
}

impl<'a> Ahead<'a> {
    /// What comes after `group`; nothing if that is not `wanted`. Few rows wait for keys from
    /// memory, many for something else.
    pub(super) fn new(group: &KvGroup<'a, u16>, wanted: bool) -> Self {
        Self { next: group.next, asked: if wanted { 0 } else { PARTS } }
    }

    /// Asks for what is due when the values of `pairs` pairs of tokens are staged.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn stage(&mut self, pairs: usize) {
        self.ask(STAGED * pairs / PARTS);
    }

    /// Asks for what is due when the keys of `blocks` blocks are multiplied.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn score(&mut self, blocks: usize) {
        self.ask(STAGED + (SCORED - STAGED) * blocks / GROUP_BLOCKS);
    }

    /// Asks for what is due when `done` of the tile's `rows` have their weights.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn soften(&mut self, done: usize, rows: usize) {
        self.ask(SCORED + (PARTS - SCORED) * done / rows);
    }

    /// Asks for what is missing of so many parts.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn ask(&mut self, parts: usize) {
        while self.asked < parts {
            let (block, part) = (self.asked / BLOCK_PARTS, self.asked % BLOCK_PARTS);
            let lines = self.next[block].len().div_ceil(LINE);
            for line in lines * part / BLOCK_PARTS..lines * (part + 1) / BLOCK_PARTS {
                // A hint, which reads nothing, whatever the address.
                let line = self.next[block].as_ptr().wrapping_add(line * LINE);
                _mm_prefetch::<_MM_HINT_T1>(line.cast());
            }
            self.asked += 1;
        }
    }
}

const _: () = assert!(GROUP_TOKENS == GROUP_BLOCKS * BLOCK_TOKENS);
