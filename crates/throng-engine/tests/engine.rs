//! The engine against a scripted runner: what a client gets does not depend on who else is there,
//! and every accepted request ends in exactly one `Finish`.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::sync::Arc;

use throng_engine::{
    Engine, EngineConfig, Event, EventStream, FinishReason, Limits, Logprobs, Request, Sampling,
    SubmitError, Tenant, Usage, logprobs,
};
use throng_model::{Batch, KvBlocks, RunError, Runner};
use throng_spec::{KvDtype, ModelSpec};
use throng_testkit::{ScriptedRunner, TinyGptOss, greedy, hashed_logits};

const VOCAB: usize = 200;

fn spec() -> ModelSpec {
    let tiny = TinyGptOss { vocab: VOCAB, context: 512, window: 24, ..TinyGptOss::default() };
    ModelSpec::from_config(&tiny.config()).unwrap()
}

fn start(config: EngineConfig, kv_bytes: usize) -> Engine {
    let blocks = config.kv_blocks(&spec(), kv_bytes, KvDtype::Bf16);
    Engine::start(Box::new(ScriptedRunner::new(spec(), blocks)), config).unwrap()
}

fn request(prompt: &[u32], max_tokens: usize) -> Request {
    Request {
        prompt: prompt.to_vec(),
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        limits: Limits { max_tokens, min_tokens: 0, stop_tokens: Vec::new(), deadline: None },
        constraint: None,
        prediction: None,
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    }
}

fn prompt(seed: usize, len: usize) -> Vec<u32> {
    (0..len).map(|i| ((seed * 31 + i * 7) % VOCAB) as u32).collect()
}

/// Reads a stream to its end: its tokens and its one `Finish`.
fn read(mut stream: EventStream) -> (Vec<u32>, FinishReason, Usage) {
    let mut tokens = Vec::new();
    let mut finish = None;
    while let Some(event) = stream.next_blocking() {
        assert!(finish.is_none(), "{event:?} after the finish");
        match event {
            Event::Token { id, .. } => tokens.push(id),
            Event::Finish { reason, usage } => finish = Some((reason, usage)),
            Event::Started { .. } => {}
            Event::Prompt(_) => panic!("nobody asked for the prompt"),
        }
    }
    let (reason, usage) = finish.expect("every request finishes");
    (tokens, reason, usage)
}

#[test]
fn an_answer_is_the_scripts_and_is_counted() {
    let engine = start(EngineConfig::default(), 1 << 20);
    let prompt = prompt(1, 40);
    let (tokens, reason, usage) = read(engine.submit(request(&prompt, 9)).unwrap());
    let script = |history: &[u32]| hashed_logits(VOCAB, history);
    assert_eq!(tokens, greedy(&script, &prompt, 9));
    assert_eq!(reason, FinishReason::Length);
    assert_eq!(usage, Usage { prompt_tokens: 40, completion_tokens: 9 });
}

#[test]
fn a_stop_token_ends_the_answer_and_is_its_last_token() {
    let engine = start(EngineConfig::default(), 1 << 20);
    let prompt = prompt(2, 5);
    let all = greedy(&|history| hashed_logits(VOCAB, history), &prompt, 6);
    let mut request = request(&prompt, 100);
    request.limits.stop_tokens = vec![all[5]];
    let (tokens, reason, _) = read(engine.submit(request).unwrap());
    let first = all.iter().position(|id| *id == all[5]).unwrap();
    assert_eq!(tokens, all[..=first]);
    assert_eq!(reason, FinishReason::Stop);
}

/// Alone in large steps, or among others in small ones with a small cache: the same tokens and the
/// same log-probabilities, bit for bit.
#[test]
fn one_prompt_one_answer() {
    let requests: Vec<Request> = (0..40)
        .map(|i| Request {
            sampling: Sampling { temperature: 1.0, seed: i as u64, ..Sampling::default() },
            logprobs: Logprobs { answer: Some(3), prompt: (i % 5 == 0).then_some(2) },
            ..request(&prompt(i, 1 + i * 11 % 150), 1 + i * 5 % 60)
        })
        .collect();
    let events = |mut stream: EventStream| -> Vec<Event> {
        std::iter::from_fn(|| stream.next_blocking()).collect()
    };
    let alone = start(EngineConfig { max_sequences: 1, ..EngineConfig::default() }, 1 << 20);
    let expected: Vec<Vec<Event>> =
        requests.iter().map(|request| events(alone.submit(request.clone()).unwrap())).collect();
    for (max_batched_tokens, kv_bytes) in [(512, 1 << 22), (17, 1 << 20), (1, 0)] {
        let config = EngineConfig { max_sequences: 16, max_batched_tokens, ..Default::default() };
        let crowd = start(config, kv_bytes.max(least_bytes()));
        let streams: Vec<EventStream> =
            requests.iter().map(|request| crowd.submit(request.clone()).unwrap()).collect();
        for (stream, expected) in streams.into_iter().zip(&expected) {
            assert_eq!(&events(stream), expected, "in steps of {max_batched_tokens}");
        }
    }
}

/// A cache in which the largest request of the test above just fits.
fn least_bytes() -> usize {
    let spec = spec();
    spec.layers.len() * spec.heads.kv_width() * 4 * 512
}

#[test]
fn the_prompt_can_be_scored_alone() {
    let engine = start(
        EngineConfig { max_batched_tokens: 7, max_sequences: 2, ..Default::default() },
        1 << 20,
    );
    let prompt = prompt(3, 50);
    let mut request = request(&prompt, 0);
    request.logprobs.prompt = Some(2);
    let mut stream = engine.submit(request).unwrap();
    assert_eq!(stream.next_blocking(), Some(Event::Started { cached_tokens: 0 }));
    let Some(Event::Prompt(scores)) = stream.next_blocking() else { panic!("the prompt first") };
    let expected: Vec<_> = (1..prompt.len())
        .map(|i| logprobs(&hashed_logits(VOCAB, &prompt[..i]), prompt[i], 2))
        .collect();
    assert_eq!(scores, expected);
    let usage = Usage { prompt_tokens: 50, completion_tokens: 0 };
    let finish = Event::Finish { reason: FinishReason::Length, usage };
    assert_eq!(stream.next_blocking(), Some(finish));
    assert_eq!(stream.next_blocking(), None);
}

#[test]
fn the_context_bounds_an_answer_and_refuses_what_cannot_fit() {
    let engine = start(EngineConfig::default(), 1 << 22);
    assert_eq!(engine.context(), 512);
    let (tokens, reason, _) = read(engine.submit(request(&prompt(4, 500), 100)).unwrap());
    assert_eq!((tokens.len(), reason), (12, FinishReason::Length));
    let refused = |request| engine.submit(request).map(drop);
    let too_long = SubmitError::TooLong { tokens: 512, context: 512 };
    assert_eq!(refused(request(&prompt(5, 512), 1)), Err(too_long));
    assert_eq!(refused(request(&[], 1)), Err(SubmitError::EmptyPrompt));
    let unknown = SubmitError::UnknownToken { id: 200, vocab: VOCAB };
    assert_eq!(refused(request(&[1, 200], 1)), Err(unknown));
    let mut odd = request(&[1], 1);
    odd.sampling.temperature = f32::NAN;
    assert!(matches!(refused(odd), Err(SubmitError::Invalid(_))));
}

#[test]
fn a_dropped_stream_frees_its_blocks_for_the_next() {
    // Room for one long answer only: if a dropped one lived on, the next would wait for its end.
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let runner = Gated::new(config);
    let gate = runner.gate.clone();
    let engine = Engine::start(Box::new(runner), config).unwrap();
    let mut abandoned = engine.submit(request(&prompt(6, 8), 400)).unwrap();
    gate.send_blocking(()).unwrap();
    assert!(matches!(abandoned.next_blocking(), Some(Event::Started { cached_tokens: 0 })));
    assert!(matches!(abandoned.next_blocking(), Some(Event::Token { .. })));
    drop(abandoned);
    let next = engine.submit(request(&prompt(7, 8), 3)).unwrap();
    for _ in 0..4 {
        gate.send_blocking(()).unwrap(); // One step may be under way for the abandoned one.
    }
    drop(gate);
    let (tokens, ..) = read(next);
    assert_eq!(tokens, greedy(&|history| hashed_logits(VOCAB, history), &prompt(7, 8), 3));
}

#[test]
fn a_full_queue_refuses_at_once() {
    let config = EngineConfig { max_sequences: 1, queue: 2, ..EngineConfig::default() };
    let runner = Gated::new(config);
    let gate = runner.gate.clone();
    let engine = Engine::start(Box::new(runner), config).unwrap();
    let mut running = engine.submit(request(&prompt(8, 8), 2)).unwrap();
    gate.send_blocking(()).unwrap();
    assert!(running.next_blocking().is_some());
    let waiting: Vec<_> =
        (0..2).map(|i| engine.submit(request(&prompt(i, 8), 2)).unwrap()).collect();
    let refused = engine.submit(request(&prompt(9, 8), 2)).map(drop);
    assert_eq!(refused, Err(SubmitError::QueueFull(2)));
    gate.close();
    for stream in waiting.into_iter().chain([running]) {
        assert_eq!(read(stream).1, FinishReason::Length);
    }
}

#[test]
fn a_model_that_fails_or_panics_costs_its_requests_and_not_the_engine() {
    let config = EngineConfig::default();
    let blocks = config.kv_blocks(&spec(), 1 << 20, KvDtype::Bf16);
    let failing = ScriptedRunner::new(spec(), blocks).failing_after(3);
    let engine = Engine::start(Box::new(failing), config).unwrap();
    for _ in 0..2 {
        let (_, reason, _) = read(engine.submit(request(&prompt(1, 4), 10)).unwrap());
        assert!(matches!(reason, FinishReason::Failed(_)), "{reason:?}");
    }
    let panicking = ScriptedRunner::with_script(spec(), blocks, Box::new(|_| panic!("on purpose")));
    let engine = Engine::start(Box::new(panicking), config).unwrap();
    for _ in 0..2 {
        let (_, reason, _) = read(engine.submit(request(&prompt(1, 4), 10)).unwrap());
        assert!(matches!(reason, FinishReason::Failed(_)), "{reason:?}");
    }
}

#[test]
fn logits_that_are_no_numbers_fail_their_request_alone() {
    let config = EngineConfig::default();
    let blocks = config.kv_blocks(&spec(), 1 << 20, KvDtype::Bf16);
    let script = |history: &[u32]| {
        let mut logits = hashed_logits(VOCAB, history);
        if history[0] == 7 && history.len() > 5 {
            logits[VOCAB / 2] = f32::NAN;
        }
        logits
    };
    let runner = ScriptedRunner::with_script(spec(), blocks, Box::new(script));
    let engine = Engine::start(Box::new(runner), config).unwrap();
    let bad = engine.submit(request(&[7, 1, 2, 3], 10)).unwrap();
    let good = engine.submit(request(&[8, 1, 2, 3], 10)).unwrap();
    let (tokens, reason, _) = read(bad);
    assert!(matches!(reason, FinishReason::Failed(_)), "{reason:?}");
    assert_eq!(tokens.len(), 2);
    assert_eq!(read(good).1, FinishReason::Length);
}

#[test]
fn when_the_last_handle_goes_everything_finishes_as_cancelled() {
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let runner = Gated::new(config);
    let gate = runner.gate.clone();
    let engine = Engine::start(Box::new(runner), config).unwrap();
    let streams: Vec<_> =
        (0..3).map(|i| engine.submit(request(&prompt(i, 8), 400)).unwrap()).collect();
    drop(engine);
    gate.close();
    for stream in streams {
        assert_eq!(read(stream).1, FinishReason::Cancelled);
    }
}

/// A scripted runner that takes a step only when the test lets it, until the gate is closed.
struct Gated {
    runner: ScriptedRunner,
    opened: async_channel::Receiver<()>,
    gate: async_channel::Sender<()>,
}

impl Gated {
    fn new(config: EngineConfig) -> Self {
        let blocks: KvBlocks = config.kv_blocks(&spec(), 1 << 22, KvDtype::Bf16);
        let (gate, opened) = async_channel::unbounded();
        Self { runner: ScriptedRunner::new(spec(), blocks), opened, gate }
    }
}

impl Runner for Gated {
    fn spec(&self) -> &ModelSpec {
        self.runner.spec()
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.runner.kv_blocks()
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        // An error means that the gate is closed: no more waiting.
        let _ = self.opened.recv_blocking();
        self.runner.run(batch)
    }
}
