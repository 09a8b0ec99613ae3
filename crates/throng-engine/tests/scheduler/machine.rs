//! A scheduler, a scripted model that it drives, and requests for them.

pub use std::num::NonZeroU32;
pub use std::sync::Arc;
pub use std::time::Duration;

pub use throng_engine::{
    EngineConfig, Event, EventStream, FinishReason, Limits, Logprobs, Request, Sampling, Scheduler,
    Tenant,
};
pub use throng_model::{KvBlocks, Runner};
pub use throng_spec::ModelSpec;
pub use throng_testkit::{ScriptedRunner, TinyGptOss};

pub const VOCAB: usize = 200;
pub const WINDOW: usize = 24;

/// A scheduler and a scripted model that it drives.
pub struct Machine {
    pub scheduler: Scheduler,
    pub runner: ScriptedRunner,
    pub now: Duration,
}

impl Machine {
    pub fn new(config: EngineConfig, blocks: KvBlocks) -> Self {
        let tiny = TinyGptOss { vocab: VOCAB, context: 512, window: WINDOW, ..Default::default() };
        let spec = ModelSpec::from_config(&tiny.config()).unwrap();
        let scheduler = Scheduler::new(&spec, blocks, config).unwrap();
        Self { scheduler, runner: ScriptedRunner::new(spec, blocks), now: Duration::ZERO }
    }

    pub fn submit(&mut self, request: &Request) -> EventStream {
        self.scheduler.submit(request, 1, self.now).unwrap().remove(0)
    }

    /// One step of a second. False if there was nothing to do.
    pub fn step(&mut self) -> bool {
        self.now += Duration::from_secs(1);
        let step = self.scheduler.next_step(self.now);
        self.scheduler.check_integrity();
        if step.batch.rows.is_empty() {
            return false;
        }
        let logits = self.runner.run(&step.batch).unwrap();
        self.scheduler.on_step_done(&step, logits);
        self.scheduler.check_integrity();
        true
    }

    pub fn run(&mut self) {
        while self.step() {}
        assert!(self.scheduler.is_idle());
    }

    /// The same beside those who wait for their clients.
    pub fn answer_beside(&mut self, request: &Request) -> Vec<Event> {
        let stream = self.submit(request);
        while self.step() {}
        events(stream)
    }

    /// All of one request's events, with nobody else there.
    pub fn answer(&mut self, request: &Request) -> Vec<Event> {
        let stream = self.submit(request);
        self.run();
        events(stream)
    }
}

pub fn events(mut stream: EventStream) -> Vec<Event> {
    std::iter::from_fn(|| stream.try_next()).collect()
}

pub fn cached_tokens(events: &[Event]) -> usize {
    let Some(Event::Started { cached_tokens }) = events.first() else { panic!("{events:?}") };
    *cached_tokens
}

pub fn reason(events: &[Event]) -> &FinishReason {
    let Some(Event::Finish { reason, .. }) = events.last() else { panic!("{events:?}") };
    reason
}

pub fn answer(events: &[Event]) -> Vec<u32> {
    let id = |event: &Event| match event {
        Event::Token { id, .. } => Some(*id),
        _ => None,
    };
    events.iter().filter_map(id).collect()
}

pub fn blocks(full: usize, window: usize) -> KvBlocks {
    KvBlocks { full, window }
}

pub fn prompt(seed: usize, len: usize) -> Vec<u32> {
    (0..len).map(|i| ((seed * 31 + i * 7) % VOCAB) as u32).collect()
}

pub fn request(prompt: &[u32], max_tokens: usize) -> Request {
    Request {
        prompt: prompt.to_vec(),
        sampling: Sampling::default(),
        limits: Limits { max_tokens, min_tokens: 0, stop_tokens: Vec::new(), deadline: None },
        constraint: None,
        prediction: None,
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    }
}

pub fn of_tenant(name: &str, weight: u32, request: Request) -> Request {
    let tenant = Tenant { name: name.into(), weight: NonZeroU32::new(weight).unwrap() };
    Request { tenant, ..request }
}
