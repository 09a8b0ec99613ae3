//! A sequence that takes part in steps.

use throng_model::Row;

use crate::cache::BlockTable;
use crate::sequence::Sequence;

/// A sequence with a place in the KV cache.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) sequence: Sequence,
    pub(super) table: BlockTable,
}

impl Running {
    /// The row that computes the next `count` pending tokens.
    pub(super) fn row(&self, count: usize) -> Row {
        let position = self.sequence.computed();
        let end = position + count;
        Row {
            tokens: self.sequence.tokens()[position..end].to_vec(),
            position,
            blocks: self.table.tables(end),
            wanted_logits: self.sequence.wanted_logits(count),
        }
    }
}
