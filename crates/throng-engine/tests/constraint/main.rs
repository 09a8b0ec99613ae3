//! Answers that are held to a form: they have it, in company and alone, and cost their neighbours
//! nothing.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod forms;

use std::sync::Arc;

use forms::{Loose, STOP, Stuck, Sums, VOCAB};
use throng_engine::{
    Constraint, ConstraintError, Engine, EngineConfig, Event, EventStream, FinishReason, Limits,
    Logprobs, Request, Sampling, Tenant, TokenLogprobs, logprobs,
};
use throng_spec::{KvDtype, ModelSpec};
use throng_testkit::{ScriptedRunner, TinyGptOss, hashed_logits};

fn start(config: EngineConfig, kv_bytes: usize) -> Engine {
    let tiny = TinyGptOss { vocab: VOCAB, context: 512, window: 24, ..TinyGptOss::default() };
    let spec = ModelSpec::from_config(&tiny.config()).unwrap();
    let least = spec.layers.len() * spec.heads.kv_width() * 4 * 512;
    let blocks = config.kv_blocks(&spec, kv_bytes.max(least), KvDtype::Bf16);
    Engine::start(Box::new(ScriptedRunner::new(spec, blocks)), config).unwrap()
}

fn request(seed: usize, constraint: Option<Arc<dyn Constraint>>) -> Request {
    Request {
        prompt: (0..1 + seed * 11 % 150).map(|i| ((seed * 31 + i * 7) % VOCAB) as u32).collect(),
        sampling: Sampling { seed: seed as u64, top_p: 0.9, ..Sampling::default() },
        limits: Limits { max_tokens: 60, min_tokens: 0, stop_tokens: vec![STOP], deadline: None },
        constraint,
        prediction: None,
        logprobs: Logprobs { answer: Some(2), prompt: None },
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    }
}

fn sums(tokens: usize) -> Option<Arc<dyn Constraint>> {
    Some(Arc::new(Sums { tokens }))
}

fn loose(all: bool) -> Option<Arc<dyn Constraint>> {
    Some(Arc::new(Loose { all }))
}

fn events(mut stream: EventStream) -> Vec<Event> {
    let events = std::iter::from_fn(|| stream.next_blocking());
    // Where the prompt was found is another matter.
    events.filter(|event| !matches!(event, Event::Started { .. })).collect()
}

/// The answer's tokens and why it ended.
fn answer(events: &[Event]) -> (Vec<(u32, &TokenLogprobs)>, FinishReason) {
    let token = |event| match event {
        &Event::Token { id, logprobs: Some(ref logprobs) } => Some((id, logprobs)),
        _ => None,
    };
    let tokens = events.iter().filter_map(token);
    let Some(Event::Finish { reason, .. }) = events.last() else { panic!("no end") };
    (tokens.collect(), reason.clone())
}

#[test]
fn an_answer_has_its_form_and_its_scores_are_the_models_own() {
    let engine = start(EngineConfig::default(), 1 << 20);
    for temperature in [0.0, 1.0] {
        let mut request = request(3, sums(9));
        request.sampling.temperature = temperature;
        let events = events(engine.submit(request.clone()).unwrap());
        let (tokens, reason) = answer(&events);
        assert_eq!((tokens.len(), reason), (10, FinishReason::Stop));
        let mut history = request.prompt;
        let mut sum = 0;
        for &(id, scores) in &tokens[..9] {
            assert_eq!(id % 5, (sum + 1) % 5, "{tokens:?}");
            assert_eq!(*scores, logprobs(&hashed_logits(VOCAB, &history), id, 2));
            sum += id;
            history.push(id);
        }
        assert_eq!(tokens[9].0, STOP);
    }
}

/// At temperature 0 it is the best of the tokens that the form allows.
#[test]
fn the_best_allowed_token_is_taken() {
    let engine = start(EngineConfig::default(), 1 << 20);
    let mut request = request(5, sums(1));
    request.sampling.temperature = 0.0;
    let logits = hashed_logits(VOCAB, &request.prompt);
    let events = events(engine.submit(request).unwrap());
    let allowed = (0..192).filter(|id| id % 5 == 1);
    let best = allowed.max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
    assert_eq!(answer(&events).0[0].0 as usize, best);
}

/// What keeps to a loose form by itself is what it would be without, and no set is asked for.
#[test]
fn a_loose_form_changes_nothing_that_keeps_to_it() {
    let engine = start(EngineConfig::default(), 1 << 20);
    for seed in 0..20 {
        let free = events(engine.submit(request(seed, None)).unwrap());
        assert_eq!(events(engine.submit(request(seed, loose(true))).unwrap()), free, "{seed}");
    }
}

/// Another token is drawn only for one that may not come, and is as probable as it is among those
/// that may.
#[test]
fn what_a_loose_form_refuses_is_drawn_again() {
    let engine = start(EngineConfig::default(), 1 << 20);
    let (mut kept, mut expected) = (0, 0.0);
    let mut counts = vec![0.0; VOCAB];
    let prompt = request(1, None).prompt;
    let logits = hashed_logits(VOCAB, &prompt);
    let weight = |id: usize| f64::from(logits[id]).exp();
    let allowed = |id: usize| id.is_multiple_of(3) || id as u32 == STOP;
    let total: f64 = (0..VOCAB).filter(|id| allowed(*id)).map(weight).sum();
    const ANSWERS: u64 = 3000;
    for seed in 0..ANSWERS {
        let mut request = request(1, None);
        request.sampling = Sampling { seed, ..Sampling::default() };
        request.limits.max_tokens = 1;
        let free = answer(&events(engine.submit(request.clone()).unwrap())).0[0].0;
        request.constraint = loose(false);
        let held = answer(&events(engine.submit(request).unwrap())).0[0].0;
        assert!(allowed(held as usize));
        if allowed(free as usize) {
            assert_eq!(held, free);
            kept += 1;
        }
        counts[held as usize] += 1.0;
    }
    assert!(kept > 100 && kept < ANSWERS - 100, "{kept}");
    // Chi-squared with 67 degrees of freedom is below 113 but once in 2,000 times.
    for id in (0..VOCAB).filter(|id| allowed(*id)) {
        let mean = ANSWERS as f64 * weight(id) / total;
        expected += (counts[id] - mean).powi(2) / mean;
    }
    assert!(expected < 113.0, "{expected}");
}

/// Forms and none side by side, alone in large steps and in company with so little room that some
/// lose their place: each answer is the same, and those without a form are what they were.
#[test]
fn one_prompt_one_answer() {
    let requests: Vec<Request> = (0..40)
        .map(|seed| {
            let constraint = match seed % 4 {
                0 => sums(1 + seed),
                1 => loose(false),
                2 => loose(true),
                _ => None,
            };
            request(seed, constraint)
        })
        .collect();
    let alone = start(EngineConfig { max_sequences: 1, ..EngineConfig::default() }, 1 << 20);
    let expected: Vec<Vec<Event>> =
        requests.iter().map(|request| events(alone.submit(request.clone()).unwrap())).collect();
    for (max_batched_tokens, kv_bytes) in [(512, 1 << 22), (17, 0)] {
        let config = EngineConfig { max_sequences: 16, max_batched_tokens, ..Default::default() };
        let crowd = start(config, kv_bytes);
        let streams: Vec<EventStream> =
            requests.iter().map(|request| crowd.submit(request.clone()).unwrap()).collect();
        for (stream, expected) in streams.into_iter().zip(&expected) {
            assert_eq!(&events(stream), expected, "in steps of {max_batched_tokens}");
        }
        assert!(kv_bytes > 0 || crowd.stats().preemptions > 0, "nobody lost its place");
    }
}

#[test]
fn choices_are_held_to_the_form_one_by_one() {
    let engine = start(EngineConfig::default(), 1 << 20);
    let streams = engine.submit_all(&[request(7, sums(12))], 4).unwrap();
    let answers: Vec<Vec<Event>> = streams.into_iter().map(events).collect();
    for events in &answers {
        assert_eq!(answer(events).0.len(), 13);
    }
    assert_ne!(answers[0], answers[1]);
}

#[test]
fn a_form_that_allows_nothing_costs_its_own_answer_alone() {
    let engine = start(EngineConfig::default(), 1 << 20);
    let says = Some(ConstraintError("too deep".to_owned()));
    for (after, says) in [(0, None), (3, None), (0, says.clone()), (3, says)] {
        let text = says.as_ref().map_or("no token may follow", |error| error.0.as_str()).to_owned();
        let stuck: Arc<dyn Constraint> = Arc::new(Stuck { after, says });
        let bad = engine.submit(request(1, Some(stuck))).unwrap();
        let good = engine.submit(request(2, sums(5))).unwrap();
        let events_of_bad = events(bad);
        let (tokens, reason) = answer(&events_of_bad);
        assert_eq!(tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>(), vec![2; after]);
        match reason {
            FinishReason::Failed(why) => assert!(after == 0 && why.ends_with(&text), "{why}"),
            // What there is of an answer is the beginning of one.
            reason => assert!(after > 0 && reason == FinishReason::Length, "{reason:?}"),
        }
        assert_eq!(answer(&events(good)).1, FinishReason::Stop);
    }
}
