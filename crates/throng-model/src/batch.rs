//! The model's input: one step's work as ragged rows.

use crate::kv::BlockTables;

/// One step's work. There is no prefill or decode flag anywhere: a decoding sequence is a row with
/// one new token, a prefill chunk one with hundreds, the verification of k drafts one with k + 1.
///
/// Contract: rows belong to different sequences; the order of rows changes nothing in any row's
/// logits, bit for bit.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The rows, in the order in which their logits come back.
    pub rows: Vec<Row>,
}

/// The new tokens of one sequence.
#[derive(Clone, Debug)]
pub struct Row {
    /// Token ids that are not in the KV cache yet; at least one, each below the vocabulary's size.
    pub tokens: Vec<u32>,
    /// Position of `tokens[0]`: how many tokens of the sequence the KV cache holds already.
    pub position: usize,
    /// Where the sequence's keys and values live; covers `position + tokens.len()` positions.
    pub blocks: BlockTables,
    /// How many of the last tokens need logits: 0 in the middle of a prompt, 1 to sample,
    /// all of them to score.
    pub wanted_logits: usize,
}

impl Batch {
    /// Tokens in all rows.
    pub fn tokens(&self) -> usize {
        self.rows.iter().map(|row| row.tokens.len()).sum()
    }

    /// Logit vectors that all rows want.
    pub fn wanted_logits(&self) -> usize {
        self.rows.iter().map(|row| row.wanted_logits).sum()
    }
}
