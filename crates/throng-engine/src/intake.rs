//! The door: checks a request and makes sequences of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cache::Salt;
use crate::drafts::DraftCounter;
use crate::origin::{Origin, PromptFlag};
use crate::penalties::Occurrences;
use crate::queue::{Queue, QueueSlot};
use crate::request::{InvalidSampling, Request};
use crate::sequence::Sequence;
use crate::stream::EventStream;

/// What is known of the model and the queue before any step.
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) vocab: usize,
    /// Positions that a prompt and its answer may have together.
    pub(crate) context: usize,
    pub(crate) queue: Queue,
    /// Whether requests share what they have in common with earlier ones.
    pub(crate) prefix_cache: bool,
    /// Requests so far.
    pub(crate) requests: AtomicU64,
}

impl Intake {
    /// Makes a sequence of each choice of each request, in the queue already, and the streams of
    /// their events. The requests have one tenant.
    ///
    /// # Errors
    /// A request cannot be run as it is, or too many wait already; then none is accepted.
    pub(crate) fn admit(
        &self,
        requests: &[Request],
        choices: usize,
        now: Duration,
    ) -> Result<(Vec<Sequence>, Vec<EventStream>), SubmitError> {
        requests.iter().try_for_each(|request| self.check(request))?;
        let Some(first) = requests.first() else { return Ok((Vec::new(), Vec::new())) };
        let count = requests.len().saturating_mul(choices);
        let slots = self.queue.enter(&first.tenant.name, count).map_err(SubmitError::QueueFull)?;
        let mut slots = slots.into_iter();
        let of_each = requests.iter().map(|request| {
            let slots = slots.by_ref().take(choices).collect();
            self.choices(request, slots, now)
        });
        Ok(of_each.flatten().unzip())
    }

    /// A sequence of one request for each slot.
    fn choices(
        &self,
        request: &Request,
        slots: Vec<QueueSlot>,
        now: Duration,
    ) -> Vec<(Sequence, EventStream)> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let salt = if self.prefix_cache {
            Salt::Shared(request.cache_salt.clone())
        } else {
            Salt::Private(number)
        };
        let prompt = PromptFlag::default();
        let occurrences = Occurrences::wanted(&request.sampling.penalties, &request.prompt);
        let sequences = slots.into_iter().enumerate().map(|(choice, slot)| {
            let mut own = request.clone();
            own.sampling.seed = request.sampling.seed_of_choice(choice as u64);
            let (sender, events) = async_channel::unbounded();
            let drafts = DraftCounter::default();
            let origin = Origin {
                submitted: now,
                context: self.context,
                salt: salt.clone(),
                prompt: prompt.clone(),
                occurrences: occurrences.clone(),
                drafts: drafts.clone(),
                leads: choice == 0,
                slot,
            };
            (Sequence::new(own, origin, sender), EventStream::new(events, drafts))
        });
        sequences.collect()
    }

    fn check(&self, request: &Request) -> Result<(), SubmitError> {
        let (tokens, vocab) = (request.prompt.len(), self.vocab);
        if tokens == 0 {
            return Err(SubmitError::EmptyPrompt);
        }
        // A prompt that fills the context can still be scored, but not continued.
        let room = usize::from(request.limits.max_tokens > 0);
        if tokens + room > self.context {
            return Err(SubmitError::TooLong { tokens, context: self.context });
        }
        if let Some(&id) = request.prompt.iter().find(|&&id| id as usize >= vocab) {
            return Err(SubmitError::UnknownToken { id, vocab });
        }
        let mut biased = request.sampling.logit_bias.iter().map(|&(id, _)| id);
        if let Some(id) = biased.find(|&id| id as usize >= vocab) {
            return Err(SubmitError::UnknownBias { id, vocab });
        }
        let mut predicted = request.prediction.iter().flat_map(|prediction| &prediction.ids);
        if let Some(&id) = predicted.find(|&&id| id as usize >= vocab) {
            return Err(SubmitError::UnknownPrediction { id, vocab });
        }
        if request.limits.min_tokens > 0 && request.limits.stop_tokens.len() >= vocab {
            return Err(SubmitError::NothingToDraw);
        }
        Ok(request.sampling.check()?)
    }
}

/// A request that was not accepted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SubmitError {
    /// There is nothing to continue.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// A token id that the model does not have.
    #[error("token id {id} is outside the vocabulary of {vocab}")]
    UnknownToken {
        /// The id.
        id: u32,
        /// The vocabulary's size.
        vocab: usize,
    },
    /// A bias on a token that the model does not have.
    #[error("logit_bias has token id {id}, which is outside the vocabulary of {vocab}")]
    UnknownBias {
        /// The id.
        id: u32,
        /// The vocabulary's size.
        vocab: usize,
    },
    /// A predicted token that the model does not have.
    #[error("the prediction has token id {id}, which is outside the vocabulary of {vocab}")]
    UnknownPrediction {
        /// The id.
        id: u32,
        /// The vocabulary's size.
        vocab: usize,
    },
    /// A minimum of tokens where every token may be one that ends the answer.
    #[error("min_tokens leaves no token to draw: there are as many stop tokens as tokens")]
    NothingToDraw,
    /// The prompt leaves no room for an answer.
    #[error("the prompt has {tokens} tokens; prompt and answer together may have {context}")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Positions of the context.
        context: usize,
    },
    /// A sampling parameter outside its range.
    #[error(transparent)]
    Invalid(#[from] InvalidSampling),
    /// Come back later.
    #[error("{0} requests are waiting already")]
    QueueFull(usize),
    /// The engine has shut down.
    #[error("the engine has shut down")]
    Closed,
}
