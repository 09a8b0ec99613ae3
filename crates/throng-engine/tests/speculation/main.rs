//! Drafts, by a model that is always right, never right, or fails: the answer is the same, only the
//! steps that it takes are not.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod prediction;

use std::sync::Arc;

use throng_engine::{
    DraftMismatch, DraftStats, Drafter, Engine, EngineConfig, Event, Limits, Logprobs, Method,
    Ngram, Request, Sampling, Speculation, StartError, Stats, Tenant,
};
use throng_model::{KvBlocks, Runner};
use throng_spec::ModelSpec;
use throng_testkit::{ScriptedRunner, TinyGptOss, hashed_logits};

const VOCAB: usize = 40;
const BLOCKS: KvBlocks = KvBlocks { full: 64, window: 64 };

fn spec(vocab: usize, context: usize) -> ModelSpec {
    let tiny = TinyGptOss { vocab, context, window: 24, ..TinyGptOss::default() };
    ModelSpec::from_config(&tiny.config()).unwrap()
}

fn model() -> ScriptedRunner {
    ScriptedRunner::new(spec(VOCAB, 256), BLOCKS)
}

/// A model whose best token is never the other's.
fn wrong() -> ScriptedRunner {
    let script = |history: &[u32]| {
        let mut logits = hashed_logits(VOCAB, history);
        logits.rotate_right(1);
        logits
    };
    ScriptedRunner::with_script(spec(VOCAB, 256), BLOCKS, Box::new(script))
}

fn request(temperature: f32, max_tokens: usize) -> Request {
    Request {
        prompt: (0..21).collect(),
        sampling: Sampling { temperature, seed: 5, ..Sampling::default() },
        limits: Limits { max_tokens, min_tokens: 0, stop_tokens: Vec::new(), deadline: None },
        constraint: None,
        prediction: None,
        logprobs: Logprobs { answer: Some(2), prompt: None },
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    }
}

/// What a request is answered, and what that took.
fn answer(
    speculation: Option<Speculation>,
    draft: Option<ScriptedRunner>,
    request: &Request,
) -> (Vec<Event>, Stats) {
    let config = EngineConfig { speculation, ..EngineConfig::default() };
    let draft = draft.map(|draft| -> Box<dyn Runner> { Box::new(draft) });
    let engine = Engine::start_with_draft(Box::new(model()), draft, config).unwrap();
    let mut stream = engine.submit(request.clone()).unwrap();
    let events = std::iter::from_fn(|| stream.next_blocking()).collect();
    let (drafts, stats) = (stream.drafts(), engine.stats());
    let DraftStats { drafted_tokens, accepted_tokens, .. } = stats.speculation.total();
    let (accepted, rejected) = (drafts.accepted as u64, drafts.rejected as u64);
    assert_eq!((accepted, accepted + rejected), (accepted_tokens, drafted_tokens), "its own");
    (events, stats)
}

/// The tokens of an answer.
fn ids(events: &[Event]) -> Vec<u32> {
    let id = |event: &Event| match event {
        Event::Token { id, .. } => Some(*id),
        _ => None,
    };
    events.iter().filter_map(id).collect()
}

fn by_model(tokens: usize) -> Option<Speculation> {
    Some(Speculation { drafter: Drafter::Model, tokens, adaptive: false })
}

#[test]
fn who_is_right_saves_steps_and_who_is_wrong_costs_none() {
    for temperature in [0.0, 1.0] {
        let request = request(temperature, 61);
        let (expected, plain) = answer(None, None, &request);
        assert_eq!(plain.steps, 61);
        for tokens in 1..=8 {
            let (events, stats) = answer(by_model(tokens), Some(model()), &request);
            assert_eq!(events, expected, "{tokens} drafts");
            // The first step reads the prompt; each other one gives a token more than it drafts.
            let steps = 1 + 60_u64.div_ceil(1 + tokens as u64);
            assert_eq!(stats.steps, steps, "{tokens} drafts");
            let drafts = &stats.speculation.by_method[Method::DraftModel];
            assert_eq!(drafts, &stats.speculation.total(), "nothing else drafts");
            assert_eq!(drafts.drafted_tokens, 60 - (steps - 1), "what has no room is not drafted");
            assert_eq!(drafts.accepted_tokens, drafts.drafted_tokens);
            assert_eq!(drafts.accepted_at.iter().sum::<u64>(), drafts.accepted_tokens);
            assert_eq!((drafts.drafts, drafts.accepted_at.len()), (steps - 1, tokens));
        }
    }
    let request = request(0.0, 61);
    let (events, stats) = answer(by_model(3), Some(wrong()), &request);
    assert_eq!((events, stats.steps), (answer(None, None, &request).0, 61));
    let drafts = stats.speculation.total();
    assert_eq!((drafts.accepted_tokens, drafts.drafts), (0, 59));
}

#[test]
fn nothing_is_drafted_behind_what_ends_an_answer() {
    let mut request = request(1.0, 61);
    let whole = ids(&answer(None, None, &request).0);
    request.limits.stop_tokens = vec![whole[9]];
    let end = whole.iter().position(|id| *id == whole[9]).unwrap();
    let (expected, _) = answer(None, None, &request);
    assert_eq!(ids(&expected), whole[..=end]);
    let (events, stats) = answer(by_model(8), Some(model()), &request);
    assert_eq!(events, expected);
    // The first token comes of the prompt, and the stop token is the last draft.
    let drafts = stats.speculation.total();
    assert_eq!(drafts.drafted_tokens, drafts.accepted_tokens);
    assert!(drafts.accepted_tokens as usize >= end - stats.steps as usize, "{drafts:?}");
}

#[test]
fn a_draft_model_that_fails_is_done_without() {
    let request = request(1.0, 40);
    let (expected, _) = answer(None, None, &request);
    let (events, stats) = answer(by_model(3), Some(model().failing_after(4)), &request);
    assert_eq!(events, expected);
    assert_eq!((stats.speculation.failures, stats.finished.failed), (1, 0));
    let drafts = stats.speculation.total();
    assert!((1..6).contains(&drafts.drafted_tokens), "{drafts:?}");
}

#[test]
fn a_text_that_repeats_itself_is_drafted_from_itself() {
    // The next token is the one that followed the last time.
    let script = |history: &[u32]| {
        let next = (history.last().copied().unwrap_or(0) + 1) % 7;
        (0..VOCAB).map(|id| if id == next as usize { 50.0 } else { 0.0 }).collect()
    };
    let start = |speculation| {
        let runner = ScriptedRunner::with_script(spec(VOCAB, 256), BLOCKS, Box::new(script));
        let config = EngineConfig { speculation, ..EngineConfig::default() };
        Engine::start(Box::new(runner), config).unwrap()
    };
    let mut request = request(1.0, 50);
    request.prompt = (0..7).chain(0..7).collect();
    let ngram = Drafter::Ngram(Ngram { min: 2, max: 5 });
    let engines =
        [None, Some(Speculation { drafter: ngram, tokens: 4, adaptive: false })].map(start);
    let [plain, drafted] = engines.map(|engine| {
        let mut stream = engine.submit(request.clone()).unwrap();
        let events: Vec<Event> = std::iter::from_fn(|| stream.next_blocking()).collect();
        (events, engine.stats().steps)
    });
    assert_eq!(plain.0, drafted.0);
    assert_eq!((plain.1, drafted.1), (50, 1 + 49_u64.div_ceil(5)));
}

#[test]
fn models_that_do_not_go_together_are_refused() {
    let config = EngineConfig { speculation: by_model(4), ..EngineConfig::default() };
    let start = |draft: Option<ScriptedRunner>| {
        let draft = draft.map(|draft| -> Box<dyn Runner> { Box::new(draft) });
        match Engine::start_with_draft(Box::new(model()), draft, config) {
            Err(StartError::Draft(mismatch)) => mismatch,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(start(None), DraftMismatch::Missing);
    let draft = ScriptedRunner::new(spec(VOCAB + 1, 256), BLOCKS);
    assert_eq!(start(Some(draft)), DraftMismatch::Vocabulary { draft: 41, target: 40 });
    let draft = ScriptedRunner::new(spec(VOCAB, 128), BLOCKS);
    assert_eq!(start(Some(draft)), DraftMismatch::Context { draft: 128, target: 256 });
    let draft = ScriptedRunner::new(spec(VOCAB, 256), KvBlocks { full: 64, window: 63 });
    assert_eq!(start(Some(draft)), DraftMismatch::Blocks { draft: 63, target: 64 });
}
