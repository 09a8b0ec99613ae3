//! What the prefix cache is worth: conversations over one long system prompt, on pools that hold
//! only part of what they say. `cargo test -p throng-engine --test conversations -- --nocapture`
//! prints the table.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use throng_engine::{
    EngineConfig, Event, EventStream, Limits, Logprobs, Request, Sampling, Scheduler, Tenant,
};
use throng_model::{BLOCK_TOKENS, KvBlocks, Runner};
use throng_spec::ModelSpec;
use throng_testkit::{Random, ScriptedRunner, TinyGptOss};

const CONVERSATIONS: usize = 32;
const TURNS: usize = 8;
const SYSTEM: usize = 1000;
const QUESTION: usize = 50;
const ANSWER: usize = 110;
const AT_ONCE: usize = 4;
const VOCAB: usize = 200;

/// Tokens of all conversations at their end, what they have in common counted once.
const ALL: usize = SYSTEM + CONVERSATIONS * TURNS * (QUESTION + ANSWER);

/// Whose turn it is, for all turns.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// One after the other, round after round: the oldest is always asked for next.
    Rounds,
    /// At random.
    Random,
    /// Four at a time until they are done.
    Groups,
}

impl Order {
    fn turns(self, random: &mut Random) -> VecDeque<usize> {
        let rounds = (0..TURNS).flat_map(|_| 0..CONVERSATIONS);
        match self {
            Self::Rounds => rounds.collect(),
            Self::Random => {
                let mut turns: Vec<usize> = rounds.collect();
                for last in (1..turns.len()).rev() {
                    turns.swap(last, random.below(last + 1));
                }
                turns.into()
            }
            Self::Groups => (0..CONVERSATIONS / 4)
                .flat_map(|group| (0..TURNS).flat_map(move |_| group * 4..group * 4 + 4))
                .collect(),
        }
    }
}

/// Parts of all prompts' tokens.
#[derive(Debug)]
struct Rates {
    /// Were in the cache.
    cached: f64,
    /// Are in the system prompt, and so would be cached by who keeps nothing else.
    system: f64,
    /// Would be cached if everything were kept that fits beside those that run.
    fitting: f64,
}

fn request(prompt: Vec<u32>, seed: u64) -> Request {
    Request {
        prompt,
        sampling: Sampling { seed, ..Sampling::default() },
        limits: Limits {
            max_tokens: ANSWER,
            min_tokens: 0,
            stop_tokens: Vec::new(),
            deadline: None,
        },
        constraint: None,
        prediction: None,
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    }
}

/// Runs all conversations on a pool that holds `share` of their tokens.
fn converse(order: Order, share: f64) -> Rates {
    let tiny = TinyGptOss { vocab: VOCAB, context: 8192, window: 128, ..Default::default() };
    let spec = ModelSpec::from_config(&tiny.config()).unwrap();
    let full = (ALL as f64 * share) as usize / BLOCK_TOKENS;
    let blocks = KvBlocks { full, window: full / 2 };
    let config = EngineConfig { max_sequences: AT_ONCE, ..EngineConfig::default() };
    let mut scheduler = Scheduler::new(&spec, blocks, config).unwrap();
    let flat = Box::new(|_: &[u32]| vec![0.0; VOCAB]);
    let mut runner = ScriptedRunner::with_script(spec, blocks, flat);
    let mut random = Random::new(1);
    let mut turns = order.turns(&mut random);
    let system: Vec<u32> = (0..SYSTEM).map(|i| (i * 7 % VOCAB) as u32).collect();
    let mut said = vec![system; CONVERSATIONS];
    let mut running: Vec<(usize, EventStream)> = Vec::new();
    let (mut prompts, mut cached, mut system, mut fitting) = (0, 0, 0, 0.0);
    loop {
        while running.len() < AT_ONCE {
            let idle = |who: &usize| running.iter().all(|(other, _)| other != who);
            let Some(next) = turns.iter().position(idle) else { break };
            let who = turns.remove(next).unwrap();
            let own = said[who].len() - SYSTEM;
            let all: usize = said.iter().map(|said| said.len() - SYSTEM).sum();
            let kept = (full * BLOCK_TOKENS - SYSTEM).saturating_sub(AT_ONCE * (own + ANSWER));
            fitting += SYSTEM as f64 + own as f64 * (kept as f64 / all.max(1) as f64).min(1.0);
            system += SYSTEM;
            said[who].extend((0..QUESTION).map(|_| random.below(VOCAB) as u32));
            prompts += said[who].len();
            let request = request(said[who].clone(), random.bits());
            running.push((who, scheduler.submit(&request, 1, Duration::ZERO).unwrap().remove(0)));
        }
        if running.is_empty() {
            break;
        }
        let step = scheduler.next_step(Duration::ZERO);
        let logits = runner.run(&step.batch).unwrap();
        scheduler.on_step_done(&step, logits);
        running.retain_mut(|(who, stream)| {
            while let Some(event) = stream.try_next() {
                match event {
                    Event::Started { cached_tokens } => cached += cached_tokens,
                    Event::Token { id, .. } => said[*who].push(id),
                    Event::Prompt(_) => {}
                    Event::Finish { .. } => return false,
                }
            }
            true
        });
    }
    scheduler.check_integrity();
    let part = |tokens: f64| tokens / prompts as f64;
    Rates { cached: part(cached as f64), system: part(system as f64), fitting: part(fitting) }
}

#[test]
fn the_cached_part_shrinks_as_the_pool_does_and_no_faster() {
    println!("order   pool  cached  system prompt alone  what fits");
    for order in [Order::Rounds, Order::Random, Order::Groups] {
        for share in [0.25, 0.5, 0.75, 1.0] {
            let Rates { cached, system, fitting } = converse(order, share);
            let [per_cent, of_system, of_fitting] = [cached, system, fitting].map(|x| x * 100.0);
            println!(
                "{order:<7?} {share:.2} {per_cent:6.1} % {of_system:18.1} % {of_fitting:9.1} %"
            );
            // Whole blocks are cached, and when the second round comes nobody knows yet that there
            // is a second: of eight that counts. The oldest first would give less than `system`.
            let least = system + 0.35 * (fitting - system);
            assert!(cached > least, "{order:?} at {share}: {cached:.3}, at least {least:.3}");
        }
    }
}
