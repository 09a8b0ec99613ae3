//! Logits to a token, and to log-probabilities, for many rows at once.
//!
//! Weights are whole numbers (`weights.rs`), so a sum of them has one value whatever its order:
//! equal logits, sampling, seed and index give equal tokens on every machine and any number of
//! threads. A row is scanned once for the maximum of each chunk of tokens (`row.rs`); what comes
//! after leaves out the chunks that cannot matter. Every filter keeps a beginning of the order of
//! probability, so together they are one last token that is kept (`filter.rs`). Among the kept the
//! draw is by rejection (`draw.rs`), which needs no sum over the vocabulary. Where a request
//! changes the logits, all that happens to a changed copy of the row; `adjust.rs` has the whole
//! order.

mod adjust;
mod draw;
mod filter;
#[cfg(test)]
mod oracle;
mod random;
mod row;
mod score;
#[cfg(test)]
mod tests;
mod weights;

use std::sync::{Mutex, PoisonError};

use crate::event::TokenLogprobs;
use crate::request::Sampling;
pub use adjust::History;
use random::Stream;
pub(crate) use random::mix;
use row::Row;
use weights::Weights;

/// One vector of logits and what is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// One a token id, `[vocab]`.
    pub logits: &'a [f32],
    /// The token that stands there.
    pub choice: Choice<'a>,
    /// Log-probabilities of that token and of so many of the most probable; `None`: of nothing.
    pub logprobs: Option<usize>,
}

/// Where a token comes from.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// Token `index` of an answer, drawn from the logits.
    Draw {
        /// How; it has passed [`Sampling::check`].
        sampling: &'a Sampling,
        /// Counts the answer's tokens from 0.
        index: u64,
        /// What the answer so far has to do with it.
        history: History<'a>,
    },
    /// A token that is known, as a prompt's are; below the vocabulary's size.
    Given(u32),
}

/// What a [`Job`] gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The token.
    pub id: u32,
    /// If asked for.
    pub logprobs: Option<TokenLogprobs>,
}

/// Does jobs on a few threads, and keeps the memory that they need between calls.
#[derive(Debug)]
pub struct Sampler {
    /// One a thread.
    scratches: Vec<Scratch>,
}

/// What a row needs for a while; it grows to the size of a vocabulary's and stays.
#[derive(Debug, Default)]
struct Scratch {
    /// The greatest logit of each chunk.
    maxima: Vec<f32>,
    /// Logits that a request has changed. Empty where none has.
    adjusted: Vec<f32>,
    /// Their maxima.
    adjusted_maxima: Vec<f32>,
    work: Work,
}

#[derive(Debug, Default)]
struct Work {
    /// Where each chunk's slots end.
    ends: Vec<u64>,
    /// The weight of the tokens at each distance from the best.
    histogram: Vec<u64>,
    /// Some tokens and their logits.
    candidates: Vec<(u32, f32)>,
}

impl Sampler {
    /// A sampler that uses up to so many threads, the caller's among them; 0 counts as 1.
    pub fn new(threads: usize) -> Self {
        Self { scratches: (0..threads.max(1)).map(|_| Scratch::default()).collect() }
    }

    /// Does all jobs; the answers are in the jobs' order and do not depend on the number of
    /// threads. `None`: the logits are not all finite.
    pub fn choose_all(&mut self, jobs: &[Job<'_>]) -> Vec<Option<Chosen>> {
        /// A thread with less to do costs more to start than it saves.
        const LOGITS_PER_THREAD: usize = 1 << 19;
        let logits: usize = jobs.iter().map(|job| job.logits.len()).sum();
        let threads = (logits / LOGITS_PER_THREAD).clamp(1, self.scratches.len()).min(jobs.len());
        let mut chosen = vec![None; jobs.len()];
        let queue = Mutex::new(jobs.iter().zip(&mut chosen));
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let work = |scratch: &mut Scratch| {
            while let Some((job, chosen)) = next() {
                *chosen = choose(job, scratch);
            }
        };
        if let Some((own, others)) = self.scratches[..threads].split_first_mut() {
            std::thread::scope(|scope| {
                for scratch in others {
                    let thread = std::thread::Builder::new().name("sampler".into());
                    // A thread that cannot be had leaves its share to the others.
                    let _ = thread.spawn_scoped(scope, || work(scratch));
                }
                work(own);
            });
        }
        chosen
    }
}

fn choose(job: &Job<'_>, scratch: &mut Scratch) -> Option<Chosen> {
    let (row, finite) = Row::scan(job.logits, &mut scratch.maxima);
    if !finite {
        return None;
    }
    let work = &mut scratch.work;
    let id = match job.choice {
        Choice::Given(id) => id,
        Choice::Draw { sampling, index, history } if adjust::is_needed(sampling, &history) => {
            adjust::adjust(job.logits, sampling, &history, &mut scratch.adjusted);
            let (row, _) = Row::scan(&scratch.adjusted, &mut scratch.adjusted_maxima);
            drawn(&row, sampling, index, work)
        }
        Choice::Draw { sampling, index, .. } => drawn(&row, sampling, index, work),
    };
    let logprobs = job.logprobs.map(|top| score::logprobs(&row, id, top, &mut work.candidates));
    Some(Chosen { id, logprobs })
}

fn drawn(row: &Row<'_>, sampling: &Sampling, index: u64, work: &mut Work) -> u32 {
    if sampling.temperature == 0.0 {
        return row.argmax();
    }
    let weights = Weights::new(row.best(), sampling.temperature, row.vocab());
    let last = filter::last_kept(row, &weights, sampling, work);
    let stream = Stream::new(sampling.seed, index);
    draw::draw(row, &weights, last, stream, &mut work.ends).unwrap_or_else(|| row.argmax())
}

/// Log-probabilities of token `id` and of the `top` most probable tokens under `logits` (one f32 a
/// token id).
pub fn logprobs(logits: &[f32], id: u32, top: usize) -> TokenLogprobs {
    let mut scratch = Scratch::default();
    let row = Row::scan(logits, &mut scratch.maxima).0;
    score::logprobs(&row, id, top, &mut scratch.work.candidates)
}
