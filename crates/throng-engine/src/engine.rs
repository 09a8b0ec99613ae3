//! The engine's outside: a handle that takes requests and gives back streams of events.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use throng_model::Runner;
use throng_spec::ModelSpec;

use crate::config::EngineConfig;
use crate::intake::{Intake, SubmitError};
use crate::request::Request;
use crate::scheduler::{KvCacheTooSmall, Scheduler};
use crate::sequence::Sequence;
use crate::speculation::{DraftMismatch, Drafter};
use crate::stats::Stats;
use crate::stream::EventStream;
use crate::worker::Worker;

/// A handle on the engine's thread. Clones share it; when the last one is dropped, whatever still
/// runs finishes as cancelled and the thread ends.
#[derive(Clone, Debug)]
pub struct Engine {
    spec: Arc<ModelSpec>,
    intake: Arc<Intake>,
    scheduler: SharedScheduler,
    /// Bounded by the queue that the intake counts.
    arrivals: async_channel::Sender<Vec<Sequence>>,
    started: Instant,
}

/// The scheduler, which the engine's thread uses between two runs of the model and others look at.
#[derive(Clone, Debug)]
pub(crate) struct SharedScheduler(Arc<Mutex<Scheduler>>);

impl SharedScheduler {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Scheduler> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Starts the engine's thread.
    ///
    /// # Errors
    /// The KV cache cannot hold a single sequence, or the operating system refuses a thread.
    pub fn start(runner: Box<dyn Runner>, config: EngineConfig) -> Result<Self, StartError> {
        Self::start_with_draft(runner, None, config)
    }

    /// The same with a model that drafts, if the config says that one does. Its KV cache has as many
    /// blocks for either kind of layers as the other model's has for those that see the whole
    /// context.
    ///
    /// # Errors
    /// As [`Engine::start`], or the two models do not go together.
    pub fn start_with_draft(
        runner: Box<dyn Runner>,
        draft: Option<Box<dyn Runner>>,
        config: EngineConfig,
    ) -> Result<Self, StartError> {
        let spec = Arc::new(runner.spec().clone());
        let scheduler = Scheduler::new(&spec, runner.kv_blocks(), config)?;
        let drafts = config.speculation.map(|speculation| speculation.drafter);
        let draft = draft.filter(|_| drafts == Some(Drafter::Model));
        match &draft {
            Some(draft) => {
                let target = (spec.vocab, scheduler.context(), runner.kv_blocks().full);
                DraftMismatch::check(draft.spec(), draft.kv_blocks(), target)?;
            }
            None if drafts == Some(Drafter::Model) => return Err(DraftMismatch::Missing.into()),
            None => {}
        }
        let intake = scheduler.intake().clone();
        let scheduler = SharedScheduler(Arc::new(Mutex::new(scheduler)));
        let (sender, arrivals) = async_channel::unbounded();
        let started = Instant::now();
        let worker = Worker::new((runner, draft), scheduler.clone(), arrivals, started);
        std::thread::Builder::new().name("engine".into()).spawn(|| worker.run())?;
        Ok(Self { spec, intake, scheduler, arrivals: sender, started })
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Positions that a prompt and its answer may have together: the model's context, or what the
    /// KV cache holds if that is less.
    pub fn context(&self) -> usize {
        self.intake.context
    }

    /// What was done so far, and what is going on.
    pub fn stats(&self) -> Stats {
        self.scheduler.lock().stats()
    }

    /// Whether the engine's thread has ended, so that nothing can be run any more. It does not
    /// while a handle lives, unless it meets a bug in itself.
    pub fn is_closed(&self) -> bool {
        self.arrivals.is_closed()
    }

    /// Checks the request and hands it to the engine.
    ///
    /// # Errors
    /// The request cannot be run as it is, or too many wait already.
    pub fn submit(&self, request: Request) -> Result<EventStream, SubmitError> {
        self.submit_all(&[request], 1)?.pop().ok_or(SubmitError::Closed)
    }

    /// The same for several requests of one tenant, and for several answers to each prompt, which
    /// is computed once. The first draws with the request's seed, each other one with
    /// [`seed_of_choice`](crate::Sampling::seed_of_choice). Streams come request by request, each
    /// one's answers together.
    ///
    /// # Errors
    /// As [`Engine::submit`], for any of them; then there is no answer at all.
    pub fn submit_all(
        &self,
        requests: &[Request],
        choices: usize,
    ) -> Result<Vec<EventStream>, SubmitError> {
        let (sequences, streams) = self.intake.admit(requests, choices, self.started.elapsed())?;
        self.arrivals.try_send(sequences).map_err(|_| SubmitError::Closed)?;
        Ok(streams)
    }
}

/// An engine that could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Not one sequence fits.
    #[error(transparent)]
    KvCacheTooSmall(#[from] KvCacheTooSmall),
    /// The model that is to draft cannot do so for the other.
    #[error(transparent)]
    Draft(#[from] DraftMismatch),
    /// No thread.
    #[error("the engine's thread could not start: {0}")]
    Thread(#[from] std::io::Error),
}
