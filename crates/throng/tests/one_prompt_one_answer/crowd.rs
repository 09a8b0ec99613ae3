//! The clients of one engine: each alone, or all at once, every one with a thread that reads.

use std::fmt;
use std::thread;

use throng_engine::{Drafter, Engine, EngineConfig, Ngram, Speculation, Stats};
use throng_model::{KvBlocks, Runner};

use crate::answer::Answer;
use crate::client::Client;
use crate::shelf::Shelf;

/// How the crowd is served.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Of the model, and of who draws tokens.
    pub threads: usize,
    /// Tokens of a step.
    pub chunk: usize,
    /// Whether prefixes are kept.
    pub cache: bool,
    /// Whether the pool is so small that not all fit in.
    pub tight: bool,
    /// How tokens are drafted, if they are.
    pub speculation: Option<Speculation>,
}

impl Setting {
    /// Every combination on so many threads.
    pub fn all(threads: usize) -> Vec<Self> {
        let mut all = Vec::new();
        for chunk in [16, 64, 512] {
            for cache in [false, true] {
                for tight in [false, true] {
                    let plain = Self { threads, chunk, cache, tight, speculation: None };
                    // Every depth comes with either drafter, on one thread or on two.
                    let turn = all.len() / 2;
                    let tokens = 1 + turn % 8;
                    let by_model = (turn + turn / 8 + threads).is_multiple_of(2);
                    let drafter = if by_model { Drafter::Model } else { NGRAM };
                    let speculation =
                        Some(Speculation { drafter, tokens, adaptive: turn % 5 == 4 });
                    all.extend([plain, Self { speculation, ..plain }]);
                }
            }
        }
        all
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cache = if self.cache { "a prefix cache" } else { "no prefix cache" };
        let pool = if self.tight { "a tight pool" } else { "a large pool" };
        write!(f, "{} threads, steps of {} tokens, {cache}, {pool}", self.threads, self.chunk)?;
        match self.speculation {
            Some(speculation) => write!(f, ", {speculation:?}"),
            None => Ok(()),
        }
    }
}

/// What the text says already: often wrong, and sometimes right.
pub const NGRAM: Drafter = Drafter::Ngram(Ngram { min: 1, max: 3 });

/// Every client's answers when there is no other, the whole prompt in one step.
pub fn alone(shelf: &Shelf, blocks: KvBlocks, clients: &[Client]) -> Vec<Vec<Answer>> {
    let longest = clients.iter().map(|client| client.request.prompt.len()).max().unwrap();
    let config = EngineConfig {
        max_sequences: 1,
        max_batched_tokens: longest,
        prefix_cache: false,
        ..EngineConfig::default()
    };
    let engine = Engine::start(Box::new(shelf.lend(blocks, longest)), config).unwrap();
    let answers = clients.iter().map(|client| client.ask_one_by_one(&engine)).collect();
    let stats = engine.stats();
    assert_eq!(stats.step_rows.sum, stats.steps as f64, "one row a step");
    assert_eq!((stats.preemptions, stats.cached_tokens), (0, 0));
    answers
}

/// Serves all clients at once and compares what they get; if there is a cache, all once more, in
/// the other order. The second model drafts, where one is to.
pub fn together(
    (shelf, draft): (&Shelf, Option<&Shelf>),
    blocks: KvBlocks,
    setting: Setting,
    clients: &[Client],
    expected: &[Vec<Answer>],
) -> Stats {
    let config = EngineConfig {
        // A step has a token for each of them, so more would make larger steps.
        max_sequences: setting.chunk.min(2 * clients.len()),
        max_batched_tokens: setting.chunk,
        threads: setting.threads,
        prefix_cache: setting.cache,
        // Where nobody must make way for want of room, once without making way for others either.
        fair_share: setting.cache || setting.tight,
        speculation: setting.speculation,
        ..EngineConfig::default()
    };
    let runner = Box::new(shelf.lend(blocks, setting.chunk));
    let drafts = setting.speculation.is_some_and(|one| one.drafter == Drafter::Model);
    let draft = draft.filter(|_| drafts).map(|shelf| -> Box<dyn Runner> {
        let blocks = KvBlocks { window: blocks.full, ..blocks };
        Box::new(shelf.lend(blocks, setting.chunk))
    });
    let engine = Engine::start_with_draft(runner, draft, config).unwrap();
    let mut order: Vec<usize> = (0..clients.len()).collect();
    for round in 0..rounds(setting) {
        let streams: Vec<_> = order.iter().map(|&index| clients[index].submit(&engine)).collect();
        let answers: Vec<_> = thread::scope(|scope| {
            let clients = order.iter().map(|&index| &clients[index]).zip(streams);
            let readers: Vec<_> =
                clients.map(|(client, streams)| scope.spawn(|| client.read(streams))).collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        for (&index, answers) in order.iter().zip(answers) {
            for (choice, (ours, expected)) in answers.iter().zip(&expected[index]).enumerate() {
                let whose = format!("{setting}: round {round}, client {index}, choice {choice}");
                ours.expect(expected, &whose);
            }
            check_cached(setting, round, &clients[index], &answers);
        }
        order.reverse();
    }
    // Whoever left is gone when one more has been served.
    let last = &clients[0];
    last.read(last.submit(&engine));
    let stats = engine.stats();
    check_stats(setting, clients, &stats);
    stats
}

/// The second time, a prompt is in the cache; without one, nothing ever is.
fn check_cached(setting: Setting, round: usize, client: &Client, answers: &[Answer]) {
    let cached = answers[0].cached_tokens;
    match setting {
        Setting { cache: false, .. } => assert_eq!(cached, 0, "{setting}"),
        Setting { tight: false, .. } if round > 0 => assert_eq!(cached, client.cacheable()),
        _ => assert!(cached <= client.cacheable()),
    }
}

/// Preemption where it must be, and nothing left behind.
fn check_stats(setting: Setting, clients: &[Client], stats: &Stats) {
    let rounds = rounds(setting);
    let leavers = clients.iter().filter(|client| client.leaves_after.is_some());
    let left: usize = leavers.map(|client| client.choices * rounds).sum();
    // In a small pool an answer may end before the client looks.
    let all_left = stats.finished.cancelled == left as u64;
    assert!(all_left || setting.tight, "{setting}: {left} left, {:?}", stats.finished);
    assert!(stats.preemptions > 0 || !setting.tight, "{setting}: nobody was preempted");
    assert_eq!((stats.running, stats.waiting), (0, 0), "{setting}");
    assert_eq!((stats.full.used, stats.window.used), (0, 0), "{setting}: blocks in use");
    let drafts = stats.speculation.total();
    let rejected = drafts.drafted_tokens > drafts.accepted_tokens;
    assert!(rejected || setting.speculation.is_none(), "{setting}: {drafts:?}");
}

/// A prompt can be found in the cache when it comes a second time.
fn rounds(setting: Setting) -> usize {
    1 + usize::from(setting.cache)
}
