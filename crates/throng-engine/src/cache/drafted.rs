//! What a draft model has of a sequence. Its keys and values live in blocks of the same numbers as
//! the model's own of the full pool, so whoever holds a block here holds it there too. It may be
//! behind: while nothing is drafted, nothing is computed for it.

use throng_model::{BLOCK_TOKENS, BlockId};

use super::table::BlockTable;

impl BlockTable {
    /// Tokens, from the beginning, that the draft model has. What others that share a block have
    /// had computed counts.
    pub(crate) fn drafted(&mut self) -> usize {
        let cache = self.cache.lock();
        let held = |block: usize| self.full.get(block).is_some_and(|&id| cache.is_drafted(id));
        while held(self.drafted / BLOCK_TOKENS) {
            self.drafted = (self.drafted / BLOCK_TOKENS + 1) * BLOCK_TOKENS;
        }
        self.drafted
    }

    /// Notes that the draft model has the first `tokens` tokens and drafts.
    pub(crate) fn set_drafted(&mut self, tokens: usize) {
        self.drafted = tokens;
    }

    /// Notes that only `computed` tokens of these have come. Whole blocks of them may be shared.
    pub(crate) fn settle_drafted(&mut self, computed: usize) {
        self.drafted = self.drafted.min(computed);
        let mut cache = self.cache.lock();
        for &id in self.full[..self.drafted / BLOCK_TOKENS].iter().rev() {
            if cache.is_drafted(id) {
                break;
            }
            cache.set_drafted(id);
        }
    }

    /// The blocks of the positions from `from` up to `end`.
    pub(crate) fn blocks_of(&self, from: usize, end: usize) -> &[BlockId] {
        &self.full[from / BLOCK_TOKENS..end.div_ceil(BLOCK_TOKENS)]
    }
}
