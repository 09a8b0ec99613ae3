//! How many users run at once in the same memory, by how keys and values are kept: the pool is filled
//! with users, one more each time, until somebody has no room.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use throng_checkpoint::Checkpoint;
use throng_engine::{Engine, EngineConfig, Event, Limits, Logprobs, Request, Sampling, Tenant};
use throng_model::{Batch, KvBlocks, KvDtype, LoadOptions, Precision, RunError, Runner, load};
use throng_spec::{ModelSpec, Quantisation};

/// What all of nano's keys and values may take.
const KV_BYTES: usize = 4 << 20;

/// Tokens of a prompt, and of its answer.
const PROMPT: u32 = 24;
const ANSWER: usize = 40;

/// Tokens of a step: there are fewer users.
const STEP_TOKENS: usize = 64;

/// A model that notes how many sequences were in a step at most.
struct Watched {
    model: Box<dyn Runner>,
    most_rows: Arc<AtomicUsize>,
}

impl Runner for Watched {
    fn spec(&self) -> &ModelSpec {
        self.model.spec()
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.model.kv_blocks()
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        self.most_rows.fetch_max(batch.rows.len(), Relaxed);
        self.model.run(batch)
    }
}

/// Whether so many users run at once, and none of them loses its place.
fn all_run(checkpoint: &Checkpoint, kv_dtype: KvDtype, users: usize) -> bool {
    let config = EngineConfig {
        max_sequences: STEP_TOKENS,
        max_batched_tokens: STEP_TOKENS,
        threads: 2,
        prefix_cache: false,
        ..EngineConfig::default()
    };
    let options = LoadOptions {
        threads: 2,
        precision: Precision::Fast,
        kv_dtype,
        isa: None,
        kv_blocks: config.kv_blocks(checkpoint.spec(), KV_BYTES, kv_dtype),
        quantisation: Quantisation::default(),
        step_tokens: STEP_TOKENS,
    };
    let most_rows = Arc::default();
    let model = load(checkpoint, options, &mut |_| ()).unwrap();
    let watched = Watched { model, most_rows: Arc::clone(&most_rows) };
    let engine = Engine::start(Box::new(watched), config).unwrap();
    let request = |user: u32| Request {
        // No two alike.
        prompt: (0..PROMPT).map(|i| 32 + (user * 7 + i * (1 + user % 5)) % 200).collect(),
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        limits: Limits { max_tokens: ANSWER, min_tokens: 0, stop_tokens: vec![], deadline: None },
        constraint: None,
        prediction: None,
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    };
    let streams: Vec<_> =
        (0..users as u32).map(|user| engine.submit(request(user)).unwrap()).collect();
    for mut stream in streams {
        let mut tokens = 0;
        while let Some(event) = stream.next_blocking() {
            tokens += usize::from(matches!(event, Event::Token { .. }));
        }
        assert_eq!(tokens, ANSWER);
    }
    most_rows.load(Relaxed) == users && engine.stats().preemptions == 0
}

/// The most users that run at once.
fn users(checkpoint: &Checkpoint, kv_dtype: KvDtype) -> usize {
    let (mut some, mut too_many) = (0, STEP_TOKENS);
    while too_many - some > 1 {
        let middle = (some + too_many) / 2;
        if all_run(checkpoint, kv_dtype, middle) {
            some = middle;
        } else {
            too_many = middle;
        }
    }
    some
}

#[test]
fn fp8_serves_twice_the_users_of_bf16_in_the_same_memory() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/nano");
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let [f32, bf16, fp8, int8] = KvDtype::ALL.map(|dtype| {
        let users = users(&checkpoint, dtype);
        println!("{dtype}: {users} users of {} tokens at once", PROMPT as usize + ANSWER);
        users
    });
    assert!(f32 > 3 && bf16 >= 2 * f32 && fp8 >= 2 * bf16, "{f32}, {bf16}, {fp8}");
    // For 32 integers there is a scale, which is two more bytes.
    assert!(int8 * 10 > bf16 * 17, "{bf16}, {int8}");
}
