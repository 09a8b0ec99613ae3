//! What an operator may set.

use crate::speculation::Speculation;

/// Sizes of the engine, and how it treats its users.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Requests that wait at most; one more is refused with
    /// [`SubmitError::QueueFull`](crate::SubmitError::QueueFull).
    pub queue: usize,
    /// Sequences in a step at most.
    pub max_sequences: usize,
    /// Tokens of a step at most: longer prompts are prefilled in chunks.
    pub max_batched_tokens: usize,
    /// Threads that draw tokens; the model has its own.
    pub threads: usize,
    /// Keep keys and values when their sequence has ended, for prompts that begin alike.
    pub prefix_cache: bool,
    /// Give each tenant its share; otherwise whoever comes first is served first.
    pub fair_share: bool,
    /// How tokens are drafted, if they are.
    pub speculation: Option<Speculation>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            queue: 256,
            max_sequences: 64,
            max_batched_tokens: 512,
            threads: 1,
            prefix_cache: true,
            fair_share: true,
            speculation: None,
        }
    }
}

impl EngineConfig {
    /// The same sizes, none of them zero, with a token for every sequence in each step.
    pub(crate) fn normalised(self) -> Self {
        let max_sequences = self.max_sequences.max(1);
        Self {
            queue: self.queue.max(1),
            max_sequences,
            max_batched_tokens: self.max_batched_tokens.max(max_sequences),
            ..self
        }
    }
}
