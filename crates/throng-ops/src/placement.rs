//! Where a step's tokens stand in their sequences, and where those live in the KV cache.

/// Tokens in one block of the KV cache. It is also the number of keys that attention takes in at
/// once, so blocks are cut at the same positions whatever the batch looks like.
pub const BLOCK_TOKENS: usize = 16;

/// Positions and block tables of one step's tokens, flat.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// Position of each token in its sequence.
    pub positions: Vec<u32>,
    /// The sequence, counted within the step, that each token belongs to.
    pub sequences: Vec<u32>,
    /// The block tables of all sequences, one after the other.
    pub tables: Vec<u32>,
    /// Where each sequence's table begins in `tables`.
    pub table_starts: Vec<usize>,
}

impl Placement {
    /// Tokens in the step.
    pub fn tokens(&self) -> usize {
        self.positions.len()
    }

    /// Position of a token in its sequence.
    pub fn position(&self, token: usize) -> usize {
        self.positions[token] as usize
    }

    /// The pool's block that holds the `index`-th block of a token's sequence.
    pub fn block(&self, token: usize, index: usize) -> usize {
        self.tables[self.table_starts[self.sequences[token] as usize] + index] as usize
    }

    /// Makes it that of a step without tokens, keeping its memory.
    pub fn clear(&mut self) {
        self.positions.clear();
        self.sequences.clear();
        self.tables.clear();
        self.table_starts.clear();
    }
}

/// Cosines and sines of the rotary embedding of a step's tokens: `dim / 2` each a token.
#[derive(Clone, Debug, Default)]
pub struct Angles {
    /// `[tokens, dim / 2]`.
    pub cos: Vec<f32>,
    /// `[tokens, dim / 2]`.
    pub sin: Vec<f32>,
}
