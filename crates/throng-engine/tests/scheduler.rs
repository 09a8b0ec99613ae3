//! The scheduler without a thread or a clock: what is shared, who makes way, and what ends early.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use throng_engine::{
    EngineConfig, Event, EventStream, FinishReason, Limits, Logprobs, Request, Sampling, Scheduler,
    Tenant,
};
use throng_model::{KvBlocks, Runner};
use throng_spec::ModelSpec;
use throng_testkit::{ScriptedRunner, TinyGptOss};

const VOCAB: usize = 200;
const WINDOW: usize = 24;

/// A scheduler and a scripted model that it drives.
struct Machine {
    scheduler: Scheduler,
    runner: ScriptedRunner,
    now: Duration,
}

impl Machine {
    fn new(config: EngineConfig, blocks: KvBlocks) -> Self {
        let tiny = TinyGptOss { vocab: VOCAB, context: 512, window: WINDOW, ..Default::default() };
        let spec = ModelSpec::from_config(&tiny.config()).unwrap();
        let scheduler = Scheduler::new(&spec, blocks, config).unwrap();
        Self { scheduler, runner: ScriptedRunner::new(spec, blocks), now: Duration::ZERO }
    }

    fn submit(&mut self, request: &Request) -> EventStream {
        self.scheduler.submit(request, 1, self.now).unwrap().remove(0)
    }

    /// One step of a second. False if there was nothing to do.
    fn step(&mut self) -> bool {
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

    fn run(&mut self) {
        while self.step() {}
        assert!(self.scheduler.is_idle());
    }

    /// All of one request's events, with nobody else there.
    fn answer(&mut self, request: &Request) -> Vec<Event> {
        let stream = self.submit(request);
        self.run();
        events(stream)
    }
}

fn events(mut stream: EventStream) -> Vec<Event> {
    std::iter::from_fn(|| stream.try_next()).collect()
}

fn cached_tokens(events: &[Event]) -> usize {
    let Some(Event::Started { cached_tokens }) = events.first() else { panic!("{events:?}") };
    *cached_tokens
}

fn reason(events: &[Event]) -> &FinishReason {
    let Some(Event::Finish { reason, .. }) = events.last() else { panic!("{events:?}") };
    reason
}

fn answer(events: &[Event]) -> Vec<u32> {
    let id = |event: &Event| match event {
        Event::Token { id, .. } => Some(*id),
        _ => None,
    };
    events.iter().filter_map(id).collect()
}

fn blocks(full: usize, window: usize) -> KvBlocks {
    KvBlocks { full, window }
}

fn prompt(seed: usize, len: usize) -> Vec<u32> {
    (0..len).map(|i| ((seed * 31 + i * 7) % VOCAB) as u32).collect()
}

fn request(prompt: &[u32], max_tokens: usize) -> Request {
    Request {
        prompt: prompt.to_vec(),
        sampling: Sampling::default(),
        limits: Limits { max_tokens, stop_tokens: Vec::new(), deadline: None },
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    }
}

fn of_tenant(name: &str, weight: u32, request: Request) -> Request {
    let tenant = Tenant { name: name.into(), weight: NonZeroU32::new(weight).unwrap() };
    Request { tenant, ..request }
}

#[test]
fn what_was_computed_is_found_again_up_to_the_last_whole_block() {
    let mut machine = Machine::new(EngineConfig::default(), blocks(64, 64));
    let first = request(&prompt(1, 100), 20);
    let alone = machine.answer(&first);
    assert_eq!(cached_tokens(&alone), 0);
    let again = machine.answer(&first);
    assert_eq!((cached_tokens(&again), answer(&again)), (96, answer(&alone)));

    // A conversation goes on where the answer ended: 119 of its tokens were computed.
    let turn = [&first.prompt[..], &answer(&alone), &prompt(2, 30)].concat();
    assert_eq!(cached_tokens(&machine.answer(&request(&turn, 1))), 112);

    let other_salt = Request { cache_salt: "other".into(), ..first.clone() };
    assert_eq!(cached_tokens(&machine.answer(&other_salt)), 0);
    let scored = Logprobs { prompt: Some(0), answer: None };
    assert_eq!(cached_tokens(&machine.answer(&Request { logprobs: scored, ..first })), 0);
    let stats = machine.scheduler.stats();
    assert_eq!((stats.full.used, stats.window.used), (0, 0));
    assert_eq!(stats.cached_tokens, 96 + 112);

    let config = EngineConfig { prefix_cache: false, ..EngineConfig::default() };
    let mut forgetful = Machine::new(config, blocks(64, 64));
    for _ in 0..2 {
        let events = forgetful.answer(&request(&prompt(1, 100), 20));
        assert_eq!((cached_tokens(&events), answer(&events)), (0, answer(&alone)));
    }
    assert_eq!(forgetful.scheduler.stats().full.cached, 0);
}

#[test]
fn prompts_that_turn_off_a_common_way_are_cached_from_the_third_on() {
    // Few blocks for windows: after other prompts, those in the middle of this one are gone.
    let mut machine = Machine::new(EngineConfig::default(), blocks(256, 24));
    let common = prompt(3, 160);
    let turning = |seed| request(&[&common[..], &prompt(seed, 40)].concat(), 4);
    let cached: Vec<usize> = (10..14)
        .map(|seed| {
            machine.answer(&request(&prompt(seed + 100, 300), 4));
            cached_tokens(&machine.answer(&turning(seed)))
        })
        .collect();
    assert_eq!(cached, [0, 0, 160, 160]);
}

#[test]
fn choices_share_their_prompt_and_draw_with_seeds_of_their_own() {
    for prefix_cache in [true, false] {
        let config = EngineConfig { prefix_cache, ..EngineConfig::default() };
        let mut machine = Machine::new(config, blocks(64, 64));
        let request = request(&prompt(4, 100), 12);
        let streams = machine.scheduler.submit(&request, 4, machine.now).unwrap();
        machine.run();
        let stats = machine.scheduler.stats();
        assert_eq!(stats.prompt_tokens, 100 + 3 * 4, "three found all whole blocks");
        for (choice, stream) in streams.into_iter().enumerate() {
            let seed = request.sampling.seed_of_choice(choice as u64);
            let sampling = Sampling { seed, ..Sampling::default() };
            let alone = Request { sampling, ..request.clone() };
            assert_eq!(answer(&events(stream)), answer(&machine.answer(&alone)));
        }
    }
}

#[test]
fn who_loses_its_place_gives_the_same_answer() {
    for prefix_cache in [true, false] {
        let config = EngineConfig { prefix_cache, ..EngineConfig::default() };
        let requests: Vec<Request> = (0..12)
            .map(|seed| Request {
                logprobs: Logprobs { answer: Some(2), prompt: (seed % 3 == 0).then_some(1) },
                ..request(&prompt(seed, 20 + 9 * seed), 100)
            })
            .collect();
        let mut alone = Machine::new(config, blocks(64, 64));
        let expected: Vec<_> = requests.iter().map(|request| alone.answer(request)).collect();
        let mut crowd = Machine::new(config, blocks(20, 40));
        let streams: Vec<_> = requests.iter().map(|request| crowd.submit(request)).collect();
        crowd.run();
        assert!(crowd.scheduler.stats().preemptions > 5, "{:?}", crowd.scheduler.stats());
        for (stream, expected) in streams.into_iter().zip(&expected) {
            assert_eq!(&events(stream)[1..], &expected[1..]);
        }
    }
}

/// Steps until a single question is answered that comes after 200 prompts of someone else.
fn steps_of_a_question(fair_share: bool) -> usize {
    let config = EngineConfig { fair_share, max_sequences: 8, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(200, 100));
    let flood: Vec<_> = (0..200)
        .map(|seed| machine.submit(&of_tenant("many", 1, request(&prompt(seed, 60), 40))))
        .collect();
    for _ in 0..5 {
        machine.step();
    }
    let mut question = machine.submit(&of_tenant("one", 1, request(&prompt(300, 60), 10)));
    let steps = (1..).find(|_| {
        machine.step();
        std::iter::from_fn(|| question.try_next())
            .any(|event| matches!(event, Event::Finish { .. }))
    });
    machine.run();
    for stream in flood {
        assert_eq!(reason(&events(stream)), &FinishReason::Length);
    }
    steps.unwrap()
}

#[test]
fn one_question_does_not_wait_for_two_hundred() {
    let steps = steps_of_a_question(true);
    assert!(steps <= 12, "{steps} steps, alone it would be 10");
    assert!(steps_of_a_question(false) > 500);
}

#[test]
fn tenants_are_served_by_their_weights() {
    let config = EngineConfig { max_sequences: 4, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(200, 100));
    let streams: Vec<_> = (0..120)
        .map(|seed| {
            let (name, weight) = if seed < 60 { ("light", 1) } else { ("heavy", 3) };
            machine.submit(&of_tenant(name, weight, request(&prompt(seed, 20), 20)))
        })
        .collect();
    for _ in 0..200 {
        machine.step();
    }
    let tokens: Vec<u64> =
        machine.scheduler.stats().tenants.iter().map(|tenant| tenant.generated_tokens).collect();
    let ratio = tokens[0] as f64 / tokens[1] as f64;
    assert!((2.8..3.2).contains(&ratio), "heavy had {} and light {}", tokens[0], tokens[1]);
    machine.run();
    drop(streams);
}

#[test]
fn a_deadline_ends_what_runs_and_what_waits() {
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(64, 64));
    let late = |seed| {
        let mut request = request(&prompt(seed, 20), 100);
        request.limits.deadline = Some(Duration::from_secs(10));
        request
    };
    let (running, waiting) = (machine.submit(&late(1)), machine.submit(&late(2)));
    machine.run();
    let (running, waiting) = (events(running), events(waiting));
    assert_eq!((answer(&running).len(), reason(&running)), (9, &FinishReason::Expired));
    assert_eq!((waiting.len(), reason(&waiting)), (1, &FinishReason::Expired));
    assert_eq!(machine.scheduler.stats().finished.expired, 2);
}

#[test]
fn a_client_that_does_not_read_makes_way_until_it_does() {
    let tiny = TinyGptOss { vocab: VOCAB, context: 4096, window: WINDOW, ..Default::default() };
    let spec = ModelSpec::from_config(&tiny.config()).unwrap();
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let mut machine = Machine {
        scheduler: Scheduler::new(&spec, blocks(256, 64), config).unwrap(),
        runner: ScriptedRunner::new(spec, blocks(256, 64)),
        now: Duration::ZERO,
    };
    let mut sleeper = machine.submit(&request(&prompt(1, 20), 3000));
    while machine.step() {}
    assert!(!machine.scheduler.is_idle(), "it waits for its client");
    assert_eq!(machine.scheduler.stats().full.used, 0);
    let other = machine.answer_beside(&request(&prompt(2, 20), 5));
    assert_eq!(answer(&other).len(), 5);
    let mut seen = Vec::new();
    loop {
        seen.extend(std::iter::from_fn(|| sleeper.try_next()));
        if !machine.step() && machine.scheduler.is_idle() {
            break;
        }
    }
    seen.extend(events(sleeper));
    assert_eq!((answer(&seen).len(), reason(&seen)), (3000, &FinishReason::Length));
}

impl Machine {
    /// The same beside those who wait for their clients.
    fn answer_beside(&mut self, request: &Request) -> Vec<Event> {
        let stream = self.submit(request);
        while self.step() {}
        events(stream)
    }
}
