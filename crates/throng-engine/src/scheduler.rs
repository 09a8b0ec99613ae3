//! Who runs in the next step. Integers only: no tensors, no I/O, no clock.
//!
//! A sequence is admitted when there are blocks for all its tokens so far; those of its answer come
//! one by one as it grows. When they run out, the newest sequence of the tenant that holds most
//! loses its place and waits again: its tokens are computed a second time, as far as they are not
//! in the cache, and its client notices nothing.

mod admission;
mod draft;
mod integrity;
mod outcome;
mod plan;
mod running;
mod speculate;
mod verify;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use throng_model::{BLOCK_TOKENS, Batch, KvBlocks};
use throng_spec::ModelSpec;

use self::admission::Refusal;
pub use self::draft::DraftStep;
use self::running::Running;
use self::speculate::{Drafted, Drafts};
use crate::cache::PrefixCache;
use crate::cache::SharedCache;
use crate::config::EngineConfig;
use crate::event::FinishReason;
use crate::intake::{Intake, SubmitError};
use crate::kv_plan::{blocks_of_one, widest_window};
use crate::queue::Queue;
use crate::request::Request;
use crate::sampler::Sampler;
use crate::sequence::Sequence;
use crate::speculation::Depths;
use crate::stats::{Histogram, Stats};
use crate::stream::EventStream;
use crate::tenants::Tenants;

/// The sequences that run and those that wait, and the KV cache's bookkeeping.
#[derive(Debug)]
pub struct Scheduler {
    intake: Arc<Intake>,
    config: EngineConfig,
    cache: SharedCache,
    tenants: Tenants,
    /// In order of admission.
    running: Vec<Running>,
    sampler: Sampler,
    /// Blocks of the window pool with which any sequence can go on.
    window_least: usize,
    arrivals: u64,
    /// The last sequence for which there was no room.
    refused: Option<Refusal>,
    vocab: usize,
    /// What drafts cost and give.
    depths: Depths,
    drafted: Drafted,
    stats: Stats,
}

/// One step's batch, and whose its rows are.
#[derive(Debug, Default)]
pub struct Step {
    /// What the model is to run; without rows there is nothing to do.
    pub batch: Batch,
    /// Arrivals of the rows' sequences.
    sequences: Vec<u64>,
    /// Of each row, how many of its last tokens are drafts.
    drafts: Vec<usize>,
    /// Of each row, how many of them it may have.
    rooms: Vec<usize>,
}

impl Step {
    /// Whose the rows are: choices of accepted requests count from 0 in the order of their arrival.
    pub fn sequences(&self) -> &[u64] {
        &self.sequences
    }

    /// Of each row, how many of its last tokens are drafts: nobody has said yet that they come.
    pub fn drafts(&self) -> &[usize] {
        &self.drafts
    }
}

impl Scheduler {
    /// A scheduler for a model and a KV cache of `blocks`.
    ///
    /// # Errors
    /// The KV cache cannot hold a single sequence.
    pub fn new(
        spec: &ModelSpec,
        blocks: KvBlocks,
        config: EngineConfig,
    ) -> Result<Self, KvCacheTooSmall> {
        let config = config.normalised();
        let least = blocks_of_one(spec, 1);
        if blocks.window < least.window || blocks.full < least.full.min(1) {
            return Err(KvCacheTooSmall { blocks, least });
        }
        // A model without layers that see the whole context needs no memory for them, but names
        // for its blocks: enough for every sequence, and for as many prefixes as windows are kept.
        let context_blocks = spec.context.div_ceil(BLOCK_TOKENS);
        let full = if least.full == 0 {
            context_blocks.saturating_mul(config.max_sequences).min(MAX_NAMES) + blocks.window
        } else {
            blocks.full
        };
        let context = spec.context.min(full * BLOCK_TOKENS);
        let intake = Intake {
            vocab: spec.vocab,
            context,
            queue: Queue::new(config.queue),
            prefix_cache: config.prefix_cache,
            requests: AtomicU64::new(0),
        };
        let window = widest_window(spec);
        let cache = PrefixCache::new(KvBlocks { full, ..blocks }, window, config.prefix_cache);
        Ok(Self {
            intake: Arc::new(intake),
            config,
            cache: SharedCache::new(cache),
            tenants: Tenants::new(config.fair_share),
            running: Vec::new(),
            sampler: Sampler::new(config.threads),
            window_least: least.window,
            arrivals: 0,
            refused: None,
            vocab: spec.vocab,
            depths: Depths::default(),
            drafted: Drafted::default(),
            stats: Stats {
                step_rows: Histogram::of_counts(),
                step_tokens: Histogram::of_counts(),
                scheduling_seconds: Histogram::of_seconds(),
                model_seconds: Histogram::of_seconds(),
                sampling_seconds: Histogram::of_seconds(),
                ..Stats::default()
            },
        })
    }

    /// The door for requests, which may stand open on other threads.
    pub(crate) fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// Positions that a prompt and its answer may have together.
    pub fn context(&self) -> usize {
        self.intake.context
    }

    /// Checks a request and lets its choices wait. All times are since the same moment.
    ///
    /// # Errors
    /// The request cannot be run as it is, or too many wait already.
    pub fn submit(
        &mut self,
        request: &Request,
        choices: usize,
        now: Duration,
    ) -> Result<Vec<EventStream>, SubmitError> {
        let (sequences, streams) =
            self.intake.admit(std::slice::from_ref(request), choices, now)?;
        sequences.into_iter().for_each(|sequence| self.enqueue(sequence));
        Ok(streams)
    }

    /// Lets a sequence wait that has come through the door.
    pub(crate) fn enqueue(&mut self, mut sequence: Sequence) {
        sequence.arrival = self.arrivals;
        self.arrivals += 1;
        self.tenants.push(sequence);
    }

    /// Whether nothing runs and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.tenants.waiting() == 0
    }

    /// What was done so far, and what is going on.
    pub fn stats(&self) -> Stats {
        let [full, window] = self.cache.lock().stats();
        Stats {
            running: self.running.len(),
            waiting: self.tenants.waiting(),
            full,
            window,
            tenants: self.tenants.stats(),
            forgotten: self.tenants.forgotten(),
            ..self.stats.clone()
        }
    }

    /// Where the worker notes what only it can measure.
    pub(crate) fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// Lets go of who has left or is out of time, admits who waits, and says what to run.
    pub fn next_step(&mut self, now: Duration) -> Step {
        self.let_go(now);
        self.admit();
        let mut plan = self.plan();
        let drafts = self.draft(&mut plan);
        let mut step = Step::default();
        let rows = self.running.iter().zip(plan.counts).zip(drafts);
        for ((running, count), drafts) in rows.filter(|((_, count), _)| *count > 0) {
            let Drafts { tokens, room } = drafts;
            step.sequences.push(running.sequence.arrival);
            step.drafts.push(tokens.len());
            step.rooms.push(room);
            step.batch.rows.push(running.row(count, &tokens, room));
        }
        if !step.batch.rows.is_empty() {
            self.stats.steps += 1;
            self.stats.step_rows.observe(step.batch.rows.len() as f64);
            self.stats.step_tokens.observe(step.batch.tokens() as f64);
        }
        step
    }

    /// Finishes everything that runs.
    pub fn finish_all(&mut self, reason: &FinishReason) {
        for running in std::mem::take(&mut self.running) {
            self.finish(running, reason.clone());
        }
    }

    /// Finishes everything that waits.
    pub(crate) fn finish_waiting(&mut self, reason: &FinishReason) {
        for sequence in self.tenants.take_if(|_| true) {
            self.stats.finished.count(reason);
            sequence.finish(reason.clone());
        }
    }

    fn finish(&mut self, running: Running, reason: FinishReason) {
        let Running { sequence, table } = running;
        table.end();
        // Before its client knows: whoever comes next finds the blocks free.
        drop(table);
        self.vacate(&sequence);
        self.stats.finished.count(&reason);
        sequence.finish(reason);
    }

    /// Notes that a sequence runs no longer.
    fn vacate(&mut self, sequence: &Sequence) {
        if let Some(stats) = self.tenants.stats_of(sequence.tenant()) {
            stats.running -= 1;
        }
    }
}

/// Names for blocks that take no memory of the KV cache, at most.
const MAX_NAMES: usize = 1 << 17;

/// A KV cache that cannot hold a single sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the KV cache has {} blocks and {} for windows, but one sequence needs {} and {}",
    blocks.full, blocks.window, least.full.min(1), least.window
)]
pub struct KvCacheTooSmall {
    /// What there is.
    pub blocks: KvBlocks,
    /// What one sequence needs, token by token.
    pub least: KvBlocks,
}
