//! Requests that change the logits: what they get is what the rules say, and the same when they
//! lose their place in the middle.

use throng_engine::{Penalties, SubmitError};
use throng_testkit::hashed_logits;

use super::machine::*;

/// A request that takes the best of the changed logits.
fn greedy(seed: usize, len: usize, max_tokens: usize) -> Request {
    let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
    Request { sampling, ..request(&prompt(seed, len), max_tokens) }
}

/// The answer to a greedy request, from the whole text each time and by the rules' own words.
fn expected(request: &Request) -> Vec<u32> {
    let (sampling, limits) = (&request.sampling, &request.limits);
    let mut text = request.prompt.clone();
    while text.len() < request.prompt.len() + limits.max_tokens {
        let mut logits = hashed_logits(VOCAB, &text);
        let said = &text[request.prompt.len()..];
        for (id, logit) in (0..).zip(&mut logits) {
            for (_, bias) in sampling.logit_bias.iter().filter(|bias| bias.0 == id) {
                *logit += bias;
            }
            if text.contains(&id) {
                let factor = sampling.penalties.repetition;
                *logit = if *logit > 0.0 { *logit / factor } else { *logit * factor };
            }
            let count = said.iter().filter(|&&other| other == id).count();
            if count > 0 {
                *logit -= sampling.penalties.frequency * count as f32;
                *logit -= sampling.penalties.presence;
            }
            if said.len() < limits.min_tokens && limits.stop_tokens.contains(&id) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let best =
            (0..VOCAB).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap() as u32;
        text.push(best);
        if limits.stop_tokens.contains(&best) {
            break;
        }
    }
    text.split_off(request.prompt.len())
}

/// Requests of all kinds, greedy ones.
fn requests() -> Vec<Request> {
    let neutral = Penalties::default();
    (0..12)
        .map(|seed| {
            let mut request = greedy(seed, 20 + 9 * seed, 100);
            request.sampling.penalties = match seed % 4 {
                0 => Penalties { repetition: 1.3, ..neutral },
                1 => Penalties { frequency: 0.6, ..neutral },
                2 => Penalties { presence: 1.7, repetition: 0.8, ..neutral },
                _ => Penalties { presence: -1.2, frequency: -0.3, ..neutral },
            };
            if seed % 3 == 0 {
                let biases = [(seed as u32, 2.5), (17, -100.0), (40, 1.5)];
                request.sampling.logit_bias = biases.into();
            }
            if seed % 2 == 0 {
                request.limits.min_tokens = 60;
                request.limits.stop_tokens = (0..10).collect();
            }
            request
        })
        .collect()
}

#[test]
fn answers_follow_the_rules_alone_and_for_those_who_lose_their_place() {
    let requests = requests();
    let mut alone = Machine::new(EngineConfig::default(), blocks(64, 64));
    for request in &requests {
        assert_eq!(answer(&alone.answer(request)), expected(request));
    }
    for prefix_cache in [true, false] {
        let config = EngineConfig { prefix_cache, ..EngineConfig::default() };
        let mut crowd = Machine::new(config, blocks(20, 40));
        let streams: Vec<_> = requests.iter().map(|request| crowd.submit(request)).collect();
        crowd.run();
        assert!(crowd.scheduler.stats().preemptions > 5, "{:?}", crowd.scheduler.stats());
        for (stream, request) in streams.into_iter().zip(&requests) {
            assert_eq!(answer(&events(stream)), expected(request));
        }
    }
}

#[test]
fn choices_count_their_own_answers() {
    let mut machine = Machine::new(EngineConfig::default(), blocks(64, 64));
    let mut request = request(&prompt(4, 50), 40);
    request.sampling.penalties = Penalties { repetition: 1.2, frequency: 0.5, presence: 0.5 };
    let streams = machine.scheduler.submit(&request, 3, machine.now).unwrap();
    machine.run();
    for (choice, stream) in streams.into_iter().enumerate() {
        let mut alone = request.clone();
        alone.sampling.seed = request.sampling.seed_of_choice(choice as u64);
        assert_eq!(answer(&events(stream)), answer(&machine.answer(&alone)));
    }
}

#[test]
fn a_minimum_keeps_stop_tokens_away_for_so_long_and_no_longer() {
    let mut machine = Machine::new(EngineConfig::default(), blocks(64, 64));
    let stops: Vec<u32> = (0..VOCAB as u32).filter(|id| id % 4 > 0).collect();
    let mut request = greedy(3, 30, 50);
    request.limits.stop_tokens = stops.clone();
    for min_tokens in [0, 1, 12] {
        request.limits.min_tokens = min_tokens;
        let events = machine.answer(&request);
        let said = answer(&events);
        assert_eq!(reason(&events), &FinishReason::Stop);
        let first = said.iter().position(|id| stops.contains(id)).unwrap();
        assert!(first >= min_tokens && first + 1 == said.len(), "{said:?}");
    }
    // The maximum comes first.
    request.limits.min_tokens = 51;
    assert_eq!(reason(&machine.answer(&request)), &FinishReason::Length);
}

/// Why a request is refused that was changed so.
fn refusal(change: &dyn Fn(&mut Request)) -> SubmitError {
    let mut machine = Machine::new(EngineConfig::default(), blocks(64, 64));
    let mut request = greedy(1, 5, 5);
    change(&mut request);
    machine.scheduler.submit(&request, 1, machine.now).map(drop).unwrap_err()
}

#[test]
fn what_cannot_be_done_is_refused() {
    let unknown = SubmitError::UnknownBias { id: 200, vocab: VOCAB };
    let bias =
        |id, bias| move |request: &mut Request| request.sampling.logit_bias = [(id, bias)].into();
    assert_eq!(refusal(&bias(200, 1.0)), unknown);
    let nothing = refusal(&|request| {
        request.limits.min_tokens = 1;
        request.limits.stop_tokens = (0..VOCAB as u32).collect();
    });
    assert_eq!(nothing, SubmitError::NothingToDraw);
    let invalid = |change: &dyn Fn(&mut Request)| match refusal(change) {
        SubmitError::Invalid(error) => error.name,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid(&bias(3, 101.0)), "logit_bias");
    assert_eq!(invalid(&bias(3, f32::NAN)), "logit_bias");
    let zero = |request: &mut Request| request.sampling.penalties.repetition = 0.0;
    assert_eq!(invalid(&zero), "repetition_penalty");
    let large = |request: &mut Request| request.sampling.penalties.frequency = 2.1;
    assert_eq!(invalid(&large), "frequency_penalty");
    let nan = |request: &mut Request| request.sampling.penalties.presence = f32::NAN;
    assert_eq!(invalid(&nan), "presence_penalty");
}
