//! The engine's outside: a handle that takes requests and gives back streams of events.

use std::num::NonZeroUsize;

use throng_model::Runner;
use throng_spec::ModelSpec;

use crate::event::Event;
use crate::request::Request;

/// Sizes that an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Requests that wait at most; one more is refused with [`SubmitError::QueueFull`].
    pub queue: NonZeroUsize,
    /// Tokens of a step at most: longer prompts are prefilled in chunks.
    pub max_batched_tokens: NonZeroUsize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            queue: NonZeroUsize::new(256).expect("not zero"),
            max_batched_tokens: NonZeroUsize::new(512).expect("not zero"),
        }
    }
}

/// A handle on the engine's thread. Clones share it; when the last one is dropped the engine
/// finishes what runs as cancelled and its thread ends.
#[derive(Clone, Debug)]
pub struct Engine {}

impl Engine {
    /// Starts the engine's thread.
    pub fn start(runner: Box<dyn Runner>, config: EngineConfig) -> Self {
        let _ = (runner, config);
        todo!()
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        todo!()
    }

    /// Checks the request and hands it to the engine.
    ///
    /// # Errors
    /// The request cannot be run as it is, or too many wait already.
    pub fn submit(&self, request: Request) -> Result<EventStream, SubmitError> {
        let _ = request;
        todo!()
    }
}

/// The events of one request. Dropping it cancels the request before the next step.
#[derive(Debug)]
pub struct EventStream {
    events: async_channel::Receiver<Event>,
}

impl EventStream {
    /// Waits for the next event; `None` after `Finish`.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await.ok()
    }

    /// The same on a plain thread.
    pub fn next_blocking(&mut self) -> Option<Event> {
        self.events.recv_blocking().ok()
    }
}

/// A request that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// The prompt leaves no room for an answer.
    #[error("the prompt has {tokens} tokens, the context is {context}")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Positions of the context.
        context: usize,
    },
    /// A sampling parameter outside its range.
    #[error("{0}")]
    Invalid(String),
    /// Come back later.
    #[error("{0} requests are waiting already")]
    QueueFull(usize),
    /// The engine has shut down.
    #[error("the engine has shut down")]
    Closed,
}
