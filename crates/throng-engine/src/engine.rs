//! The engine's outside: a handle that takes requests and gives back streams of events.

use std::sync::Arc;

use async_channel::TrySendError;
use throng_model::{KvBlocks, Runner};
use throng_spec::ModelSpec;

use crate::event::Event;
use crate::request::{InvalidSampling, Request};
use crate::scheduler::Scheduler;
use crate::sequence::Sequence;
use crate::worker::Worker;

/// Sizes that an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Requests that wait at most; one more is refused with [`SubmitError::QueueFull`].
    pub queue: usize,
    /// Sequences in a step at most.
    pub max_sequences: usize,
    /// Tokens of a step at most: longer prompts are prefilled in chunks.
    pub max_batched_tokens: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { queue: 256, max_sequences: 64, max_batched_tokens: 512 }
    }
}

/// A handle on the engine's thread. Clones share it; when the last one is dropped, whatever still
/// runs finishes as cancelled and the thread ends.
#[derive(Clone, Debug)]
pub struct Engine {
    spec: Arc<ModelSpec>,
    context: usize,
    queue: async_channel::Sender<Sequence>,
}

impl Engine {
    /// Starts the engine's thread.
    ///
    /// # Errors
    /// The KV cache cannot hold a single sequence, or the operating system refuses a thread.
    pub fn start(runner: Box<dyn Runner>, config: EngineConfig) -> Result<Self, StartError> {
        let spec = Arc::new(runner.spec().clone());
        let scheduler = Scheduler::new(&spec, runner.kv_blocks(), config)?;
        let context = scheduler.context();
        let (queue, arrivals) = async_channel::bounded(config.normalised().queue);
        let worker = Worker::new(runner, scheduler, arrivals);
        std::thread::Builder::new().name("engine".into()).spawn(|| worker.run())?;
        Ok(Self { spec, context, queue })
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Positions that a prompt and its answer may have together: the model's context, or what the
    /// KV cache holds if that is less.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Checks the request and hands it to the engine.
    ///
    /// # Errors
    /// The request cannot be run as it is, or too many wait already.
    pub fn submit(&self, request: Request) -> Result<EventStream, SubmitError> {
        self.check(&request)?;
        let (sender, events) = async_channel::unbounded();
        let sequence = Sequence::new(request, self.context(), sender);
        match self.queue.try_send(sequence) {
            Ok(()) => Ok(EventStream { events }),
            Err(TrySendError::Full(_)) => Err(SubmitError::QueueFull(self.queue.len())),
            Err(TrySendError::Closed(_)) => Err(SubmitError::Closed),
        }
    }

    fn check(&self, request: &Request) -> Result<(), SubmitError> {
        let (tokens, vocab) = (request.prompt.len(), self.spec.vocab);
        if tokens == 0 {
            return Err(SubmitError::EmptyPrompt);
        }
        // A prompt that fills the context can still be scored, but not continued.
        let room = usize::from(request.limits.max_tokens > 0);
        if tokens + room > self.context() {
            return Err(SubmitError::TooLong { tokens, context: self.context() });
        }
        if let Some(&id) = request.prompt.iter().find(|&&id| id as usize >= vocab) {
            return Err(SubmitError::UnknownToken { id, vocab });
        }
        Ok(request.sampling.check()?)
    }
}

/// The events of one request. Dropping it (and its [`Canceller`]s) cancels the request before the
/// next step.
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

    /// A handle that cancels the request from another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.events.clone())
    }
}

/// Cancels a request while another thread waits for its events.
#[derive(Clone, Debug)]
pub struct Canceller(async_channel::Receiver<Event>);

impl Canceller {
    /// Ends the stream: what was sent before can still be read, then comes `None`.
    pub fn cancel(&self) {
        self.0.close();
    }
}

/// An engine that could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not one sequence fits.
    #[error(
        "the KV cache has {} blocks for windows, but one sequence may hold {}",
        blocks.window, most.window
    )]
    KvCacheTooSmall {
        /// What the runner has.
        blocks: KvBlocks,
        /// What a sequence may hold.
        most: KvBlocks,
    },
    /// No thread.
    #[error("the engine's thread could not start: {0}")]
    Thread(#[from] std::io::Error),
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
