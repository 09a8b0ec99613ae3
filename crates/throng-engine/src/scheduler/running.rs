//! A sequence that takes part in steps.

use throng_model::{BLOCK_TOKENS, Row};

use crate::cache::BlockTable;
use crate::sequence::Sequence;

/// A sequence with a place in the KV cache.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) sequence: Sequence,
    pub(super) table: BlockTable,
}

impl Running {
    /// The row that computes the next `count` pending tokens, and behind them drafted ones. Its
    /// blocks are enough for `room` drafts.
    pub(super) fn row(&self, count: usize, drafts: &[u32], room: usize) -> Row {
        let position = self.sequence.computed();
        let tokens = &self.sequence.tokens()[position..position + count];
        Row {
            tokens: [tokens, drafts].concat(),
            position,
            blocks: self.table.tables(position + count + room),
            wanted_logits: self.sequence.wanted_logits(count) + drafts.len(),
        }
    }

    /// Gives up what only drafts had, once it is known which of them have come.
    pub(super) fn settle(&mut self) {
        let computed = self.sequence.computed();
        self.table.settle_drafted(computed);
        if self.sequence.pending() <= 1 {
            self.table.shrink(computed.div_ceil(BLOCK_TOKENS));
        }
    }
}
