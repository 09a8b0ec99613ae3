//! Who runs in the next step. Integers only: no tensors, no I/O, no clock.

use throng_model::{BLOCK_TOKENS, Batch, KvBlocks};
use throng_spec::ModelSpec;

use crate::block_pool::BlockPool;
use crate::engine::{EngineConfig, StartError};
use crate::event::FinishReason;
use crate::kv_plan::blocks_of_one;
use crate::sequence::{Reservation, Sequence};

/// The sequences that run, and the KV blocks that they and the coming ones may use.
///
/// A sequence is admitted when blocks for all that it may ever need are free, so a running
/// sequence never waits for memory. Decoding sequences get a token in every step; what is left of
/// the step's token budget goes to prompts, oldest first.
#[derive(Debug)]
pub(crate) struct Scheduler {
    running: Vec<(Sequence, Reservation)>,
    full: BlockPool,
    window: BlockPool,
    /// Blocks that one sequence holds at most.
    most: KvBlocks,
    context: usize,
    config: EngineConfig,
}

impl Scheduler {
    pub(crate) fn new(
        spec: &ModelSpec,
        blocks: KvBlocks,
        config: EngineConfig,
    ) -> Result<Self, StartError> {
        let config = config.normalised();
        let most = blocks_of_one(spec, config.max_batched_tokens);
        if blocks.window < most.window || blocks.full < most.full.min(1) {
            return Err(StartError::KvCacheTooSmall { blocks, most });
        }
        let held = if most.full == 0 { usize::MAX } else { blocks.full * BLOCK_TOKENS };
        Ok(Self {
            running: Vec::new(),
            full: BlockPool::new(blocks.full),
            window: BlockPool::new(blocks.window),
            most,
            context: spec.context.min(held),
            config,
        })
    }

    /// Positions that a prompt and its answer may have together.
    pub(crate) fn context(&self) -> usize {
        self.context
    }

    /// Whether nothing runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Whether another sequence may join if the KV cache has room for it.
    pub(crate) fn has_seat(&self) -> bool {
        self.running.len() < self.config.max_sequences
    }

    /// Lets a sequence join; gives it back if the KV cache has no room for it now.
    #[must_use]
    pub(crate) fn admit(&mut self, sequence: Sequence) -> Option<Sequence> {
        let blocks = sequence.reach().div_ceil(BLOCK_TOKENS);
        let full = self.full.take(blocks.min(self.most.full));
        let window = self.window.take(blocks.min(self.most.window));
        let (Some(full), Some(window)) = (full, window) else {
            return Some(sequence);
        };
        self.running.push((sequence, Reservation { full, window }));
        None
    }

    /// Drops sequences whose clients have gone; their blocks are free at once.
    pub(crate) fn drop_abandoned(&mut self) {
        self.running.retain(|(sequence, _)| !sequence.is_abandoned());
    }

    /// The next step's batch: row i belongs to the sequence at `indices[i]`.
    pub(crate) fn next_step(&self) -> Step {
        let mut counts = vec![0; self.running.len()];
        let mut budget = self.config.max_batched_tokens;
        for decoding in [true, false] {
            for (count, (sequence, _)) in counts.iter_mut().zip(&self.running) {
                let pending = sequence.pending();
                if (pending == 1) == decoding {
                    *count = pending.min(budget);
                    budget -= *count;
                }
            }
        }
        let mut step = Step::default();
        for (index, (count, (sequence, reservation))) in
            counts.into_iter().zip(&self.running).enumerate()
        {
            if count > 0 {
                step.indices.push(index);
                step.batch.rows.push(sequence.row(count, reservation));
            }
        }
        step
    }

    /// Takes in the logits of a step, and finishes what is over.
    pub(crate) fn on_step_done(&mut self, step: &Step, logits: &[f32], vocab: usize) {
        let mut rest = logits;
        let mut over = vec![None; self.running.len()];
        for (&index, row) in step.indices.iter().zip(&step.batch.rows) {
            let (own, others) = rest.split_at(row.wanted_logits * vocab);
            rest = others;
            over[index] = self.running[index].0.advance(row, own, vocab);
        }
        for ((sequence, reservation), over) in
            std::mem::take(&mut self.running).into_iter().zip(over)
        {
            match over {
                Some(reason) => {
                    drop(reservation);
                    sequence.finish(reason);
                }
                None => self.running.push((sequence, reservation)),
            }
        }
    }

    /// Finishes everything that runs.
    pub(crate) fn finish_all(&mut self, reason: &FinishReason) {
        for (sequence, _) in self.running.drain(..) {
            sequence.finish(reason.clone());
        }
    }
}

/// One step's batch, and whose its rows are.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) batch: Batch,
    indices: Vec<usize>,
}

impl EngineConfig {
    /// The same sizes, none of them zero, with a token for every sequence in each step.
    pub(crate) fn normalised(self) -> Self {
        let max_sequences = self.max_sequences.max(1);
        Self {
            queue: self.queue.max(1),
            max_sequences,
            max_batched_tokens: self.max_batched_tokens.max(max_sequences),
        }
    }
}
