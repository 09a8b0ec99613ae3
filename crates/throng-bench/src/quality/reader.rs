//! A text through a model, chunk by chunk, with nobody else in its KV cache.

use throng_model::{BLOCK_TOKENS, Batch, BlockTables, Row, RunError, Runner};

/// A model with one reader: the only sequence there is owns every block of the cache, in order
/// where a layer sees the whole text, as a ring where it sees a window. What is read does not
/// depend on how it is cut into chunks.
pub struct Reader<'a> {
    runner: &'a mut dyn Runner,
    position: usize,
}

/// Tokens that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The machine failed underneath.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A logit is infinite or no number.
    #[error("the model computed what is no number")]
    NotFinite,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text.
    pub fn new(runner: &'a mut dyn Runner) -> Self {
        Self { runner, position: 0 }
    }

    /// Tokens that a text may have.
    pub fn room(&self) -> usize {
        let context = self.runner.spec().context;
        match self.runner.kv_blocks().full {
            // No layer sees more than a window.
            0 => context,
            blocks => context.min(blocks.saturating_mul(BLOCK_TOKENS)),
        }
    }

    /// Entries of each vector of logits.
    pub fn vocab(&self) -> usize {
        self.runner.spec().vocab
    }

    /// Forgets what was read: the next tokens are the first of a text.
    pub fn begin(&mut self) {
        self.position = 0;
    }

    /// Reads the next tokens, at least one and no more than the model's largest step, each below
    /// the vocabulary's size and all within [`Reader::room`]. Gives logits after each of the last
    /// `wanted` of them, f32 `[wanted, vocabulary]`.
    ///
    /// # Errors
    /// The model fails, or its weights make no sense.
    pub fn read(&mut self, tokens: &[u32], wanted: usize) -> Result<&[f32], ReadError> {
        let position = self.position;
        self.position += tokens.len();
        let pools = self.runner.kv_blocks();
        let blocks = self.position.div_ceil(BLOCK_TOKENS);
        let ring = |size: usize| (0..size as u32).cycle().take(blocks).collect();
        let blocks = BlockTables { full: ring(pools.full), window: ring(pools.window) };
        let row = Row { tokens: tokens.to_vec(), position, blocks, wanted_logits: wanted };
        let logits = self.runner.run(&Batch { rows: vec![row] })?;
        if logits.iter().all(|logit| logit.is_finite()) {
            Ok(logits)
        } else {
            Err(ReadError::NotFinite)
        }
    }
}
