//! What is measured of one answer. Times are those at which the server passes events on, so a client
//! that reads slowly is seen in them.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use throng_engine::{Event, FinishReason};

use super::{Metrics, Quantity};

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// By itself, or by a text that ends it.
    Stop,
    /// By a limit.
    Length,
    /// The client left, or the server did.
    Abort,
    /// The request's time was over.
    Timeout,
    /// The model failed.
    Error,
}

impl Outcome {
    /// All, in the order in which they are counted.
    pub(super) const ALL: [Self; 5] =
        [Self::Stop, Self::Length, Self::Abort, Self::Timeout, Self::Error];

    /// As the label says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Abort => "abort",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

/// What is told of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// When the engine was asked for it.
    pub(crate) submitted: Instant,
    /// Of its prompt.
    pub(crate) prompt_tokens: usize,
    /// Of those, tokens that the cache had already.
    pub(crate) cached_tokens: usize,
    /// Of the answer.
    pub(crate) tokens: usize,
    /// From request to first step; `None`: there was none.
    pub(crate) queued: Option<Duration>,
    /// From request to first token; `None`: there was none.
    pub(crate) first_token: Option<Duration>,
    /// How it ended.
    pub(crate) finish: &'static str,
}

/// An answer that is being measured; dropping it ends the measurement.
#[derive(Debug)]
pub(crate) struct Observed {
    metrics: Arc<Metrics>,
    prompt_tokens: usize,
    cached_tokens: usize,
    tokens: usize,
    submitted: Instant,
    started: Option<Instant>,
    first: Option<Instant>,
    last: Instant,
    outcome: Outcome,
}

impl Observed {
    /// An answer to a prompt of so many tokens that was asked for at `submitted`.
    pub(crate) fn new(metrics: Arc<Metrics>, prompt_tokens: usize, submitted: Instant) -> Self {
        if metrics.open.fetch_add(1, Ordering::Relaxed) == 0 {
            metrics.pace.lock().unwrap_or_else(PoisonError::into_inner).forget();
        }
        Self {
            metrics,
            prompt_tokens,
            cached_tokens: 0,
            tokens: 0,
            submitted,
            started: None,
            first: None,
            last: submitted,
            outcome: Outcome::Abort,
        }
    }

    /// The next event has come.
    pub(crate) fn see(&mut self, event: &Event) {
        let now = Instant::now();
        let metrics = &self.metrics;
        match event {
            Event::Started { cached_tokens } => {
                self.started = Some(now);
                self.cached_tokens = *cached_tokens;
                metrics.observe(Quantity::Queued, seconds(self.submitted, now));
            }
            Event::Prompt(_) => {}
            Event::Token { .. } => {
                match self.first {
                    Some(_) => metrics.observe(Quantity::InterToken, seconds(self.last, now)),
                    None => {
                        self.first = Some(now);
                        metrics.observe(Quantity::FirstToken, seconds(self.submitted, now));
                    }
                }
                self.tokens += 1;
                self.last = now;
            }
            Event::Finish { reason, .. } => {
                self.outcome = match reason {
                    FinishReason::Stop => Outcome::Stop,
                    FinishReason::Length => Outcome::Length,
                    FinishReason::Cancelled => Outcome::Abort,
                    FinishReason::Expired => Outcome::Timeout,
                    FinishReason::Failed(_) => Outcome::Error,
                };
            }
        }
    }

    /// What is known of it so far.
    pub(crate) fn report(&self) -> Report {
        let since = |then: Instant| then.saturating_duration_since(self.submitted);
        Report {
            submitted: self.submitted,
            prompt_tokens: self.prompt_tokens,
            cached_tokens: self.cached_tokens,
            tokens: self.tokens,
            queued: self.started.map(since),
            first_token: self.first.map(since),
            finish: self.outcome.name(),
        }
    }

    /// The answer needs no more events: a text has ended it.
    pub(crate) fn stopped(&mut self) {
        self.outcome = Outcome::Stop;
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        let metrics = &self.metrics;
        let now = Instant::now();
        metrics.open.fetch_sub(1, Ordering::Relaxed);
        let mut outcomes = metrics.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes[self.outcome as usize] += 1;
        drop(outcomes);
        if self.started.is_some() {
            metrics.pace.lock().unwrap_or_else(PoisonError::into_inner).ended(now);
        }
        // Times of answers that were cut off would tell of their clients.
        if !matches!(self.outcome, Outcome::Stop | Outcome::Length) {
            return;
        }
        metrics.observe(Quantity::Whole, seconds(self.submitted, now));
        metrics.observe(Quantity::PromptTokens, self.prompt_tokens as f64);
        metrics.observe(Quantity::GenerationTokens, self.tokens as f64);
        if let Some(started) = self.started {
            metrics.observe(Quantity::Inference, seconds(started, now));
            let prefilled = self.first.unwrap_or(now);
            metrics.observe(Quantity::Prefill, seconds(started, prefilled));
            metrics.observe(Quantity::Decode, seconds(prefilled, self.last.max(prefilled)));
        }
        if let (Some(first), 2..) = (self.first, self.tokens) {
            metrics
                .observe(Quantity::PerToken, seconds(first, self.last) / (self.tokens - 1) as f64);
        }
    }
}

fn seconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64()
}
