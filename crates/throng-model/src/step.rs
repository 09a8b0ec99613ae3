//! A batch, checked and flattened for the kernels.

use throng_ops::{Angles, Attention, Placement};
use throng_spec::ModelSpec;

use crate::batch::{Batch, Row};
use crate::kv::{BLOCK_TOKENS, BlockId, KvBlocks};
use crate::rope::Frequencies;

/// One step's tokens, laid end to end. Its memory is kept from step to step.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Token ids of all rows.
    pub tokens: Vec<u32>,
    /// Which of the tokens want logits, as indices into `tokens`.
    pub wanted: Vec<u32>,
    /// Rotary angles at the tokens' positions, if the model rotates.
    pub angles: Angles,
    full: Placement,
    window: Placement,
}

impl Step {
    /// Where the tokens live in a layer's cache.
    pub(crate) fn placement(&self, window: Option<usize>) -> &Placement {
        if window.is_some() { &self.window } else { &self.full }
    }

    /// Position of each token in its sequence.
    pub(crate) fn positions(&self) -> &[u32] {
        &self.full.positions
    }

    /// Takes a batch.
    ///
    /// # Panics
    /// The batch breaks its contract (see [`Batch`] and [`Row`]): a bug of the engine.
    pub(crate) fn set(
        &mut self,
        batch: &Batch,
        spec: &ModelSpec,
        blocks: KvBlocks,
        frequencies: Option<&Frequencies>,
    ) {
        self.tokens.clear();
        self.wanted.clear();
        self.full.clear();
        self.window.clear();
        let widest = spec.layers.iter().filter_map(|layer| layer.attention.window).max();
        let has_full = spec.layers.iter().any(|layer| layer.attention.window.is_none());
        for row in &batch.rows {
            check_row(row, spec);
            if has_full {
                check_table(row, &row.blocks.full, 0, blocks.full);
            }
            if widest.is_some() {
                let attention = Attention { heads: spec.heads, window: widest };
                let first = attention.first_visible(row.position) / BLOCK_TOKENS;
                check_table(row, &row.blocks.window, first, blocks.window);
            }
            self.tokens.extend(&row.tokens);
            let end = self.tokens.len();
            self.wanted.extend((end - row.wanted_logits..end).map(|token| token as u32));
            place(&mut self.full, row, &row.blocks.full);
            place(&mut self.window, row, &row.blocks.window);
        }
        if let Some(frequencies) = frequencies {
            frequencies.angles(&self.full.positions, &mut self.angles);
        }
    }
}

fn place(placement: &mut Placement, row: &Row, table: &[BlockId]) {
    let sequence = placement.table_starts.len() as u32;
    placement.table_starts.push(placement.tables.len());
    placement.tables.extend(table);
    let positions = row.position..row.position + row.tokens.len();
    placement.positions.extend(positions.map(|position| position as u32));
    placement.sequences.extend(row.tokens.iter().map(|_| sequence));
}

fn check_row(row: &Row, spec: &ModelSpec) {
    let (tokens, wanted) = (row.tokens.len(), row.wanted_logits);
    assert!(tokens > 0, "a row has no tokens");
    assert!(wanted <= tokens, "a row of {tokens} tokens wants {wanted} logits");
    let end = row.position + tokens;
    assert!(end <= spec.context, "a row ends at {end}, past the context of {}", spec.context);
    for &token in &row.tokens {
        assert!((token as usize) < spec.vocab, "token {token} of a vocabulary of {}", spec.vocab);
    }
}

/// The blocks that a row reads or writes, from index `first` on, are in the table and the pool.
fn check_table(row: &Row, table: &[BlockId], first: usize, pool: usize) {
    let needed = (row.position + row.tokens.len()).div_ceil(BLOCK_TOKENS);
    assert!(table.len() >= needed, "a table of {} blocks where {needed} are needed", table.len());
    for &block in &table[first..needed] {
        assert!((block as usize) < pool, "block {block} of a pool of {pool}");
    }
}
