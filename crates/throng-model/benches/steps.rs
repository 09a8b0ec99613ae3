//! Tokens per second of prefill and decode, and the share of the machine's read bandwidth that
//! decoding uses: `cargo bench -p throng-model [-- MODEL_DIR …] [--slice]`.
//!
//! `--slice` adds two layers of gpt-oss-20b's shape with random weights: what a step of the real
//! model does to memory, without its 13 GB.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use throng_checkpoint::Checkpoint;
use throng_model::{
    BLOCK_TOKENS, Batch, BlockTables, KvBlocks, LoadOptions, Row, Runner, default_precision,
};
use throng_spec::{LayerRole, Role};
use throng_testkit::TinyGptOss;

const PROMPT_TOKENS: usize = 512;
const USERS: [usize; 4] = [1, 4, 16, 64];
const REPEATS: usize = 20;
const CONTEXT_TOKENS: usize = 64;
const BLOCKS_A_USER: usize = (CONTEXT_TOKENS + REPEATS + 4).div_ceil(BLOCK_TOKENS);

fn main() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let args: Vec<String> =
        std::env::args().skip(1).filter(|arg| arg != "--bench" && arg != "--slice").collect();
    println!(
        "{threads} threads; medians of {REPEATS} steps, in brackets the fastest and slowest\n"
    );
    println!("| model | step | tokens/s | bytes read | GB/s | of {:.0} GB/s |", bandwidth(threads));
    println!("|---|---|---:|---:|---:|---:|");
    let mut folders: Vec<PathBuf> = args.iter().map(PathBuf::from).collect();
    if folders.is_empty() {
        folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/nano"));
    }
    for folder in folders {
        let name = folder.file_name().map_or("model".into(), |name| name.to_string_lossy().into());
        measure(name, &Checkpoint::open(&folder).expect("a checkpoint"), threads);
    }
    if std::env::args().any(|arg| arg == "--slice") {
        let slice = TinyGptOss {
            hidden: 2880,
            width: 2880,
            layers: 2,
            query_heads: 64,
            kv_heads: 8,
            head_dim: 64,
            experts: 32,
            vocab: 8192,
            window: 128,
            ..TinyGptOss::default()
        };
        let checkpoint = Checkpoint::embedded(&slice.embedded()).expect("the test kit's own files");
        measure("2 layers of 20b".to_owned(), &checkpoint, threads);
    }
}

fn measure(name: String, checkpoint: &Checkpoint, threads: usize) {
    let options = LoadOptions {
        threads,
        precision: default_precision(checkpoint.spec()),
        isa: None,
        kv_blocks: blocks(USERS[USERS.len() - 1]),
        step_tokens: PROMPT_TOKENS,
    };
    let mut runner = throng_model::load(checkpoint, options, &mut |_| {}).expect("a model");
    let bandwidth = bandwidth(threads);
    let prefill = Batch { rows: vec![row(0, 0, PROMPT_TOKENS, BLOCKS_A_USER * USERS[3])] };
    let seconds = time(runner.as_mut(), |_| prefill.clone());
    println!("| {name} | prefill {PROMPT_TOKENS} | {} | | | |", rate(PROMPT_TOKENS, &seconds));
    for users in USERS {
        for user in 0..users {
            let prompt = Batch { rows: vec![row(user, 0, CONTEXT_TOKENS, BLOCKS_A_USER)] };
            runner.run(&prompt).expect("a step");
        }
        let step = |i| Batch {
            rows: (0..users).map(|user| row(user, CONTEXT_TOKENS + i, 1, BLOCKS_A_USER)).collect(),
        };
        let seconds = time(runner.as_mut(), step);
        let bytes = step_bytes(checkpoint, users);
        let speed = bytes / median(&seconds) / 1e9;
        println!(
            "| {name} | decode, {users} users | {} | {:.1} MB | {speed:.2} | {:.0} % |",
            rate(users, &seconds),
            bytes / 1e6,
            100.0 * speed / bandwidth,
        );
    }
}

fn blocks(users: usize) -> KvBlocks {
    KvBlocks { full: users * BLOCKS_A_USER, window: users * BLOCKS_A_USER }
}

/// Some tokens of a user who owns `blocks` blocks in a row.
fn row(user: usize, position: usize, tokens: usize, blocks: usize) -> Row {
    let table: Vec<u32> = (user * blocks..(user + 1) * blocks).map(|block| block as u32).collect();
    Row {
        // Different users and positions should choose different experts.
        tokens: (0..tokens).map(|i| ((user * 37 + (position + i) * 101) % 1024) as u32).collect(),
        position,
        blocks: BlockTables { full: table.clone(), window: table },
        wanted_logits: 1,
    }
}

/// Seconds of each repeated step, after one that is not counted.
fn time(runner: &mut dyn Runner, batch: impl Fn(usize) -> Batch) -> Vec<f64> {
    let mut seconds: Vec<f64> = (0..=REPEATS)
        .map(|i| {
            let batch = batch(i);
            let start = Instant::now();
            black_box(runner.run(&batch).expect("a step"));
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn rate(tokens: usize, sorted: &[f64]) -> String {
    let rate = |seconds: f64| tokens as f64 / seconds;
    let (fastest, slowest) = (rate(sorted[0]), rate(sorted[sorted.len() - 1]));
    format!("{:.0} ({slowest:.0}–{fastest:.0})", rate(median(sorted)))
}

/// Bytes of weights that a decode step of `users` tokens must read: everything but the embedding,
/// and of E experts the expected number of distinct ones, `E · (1 − (1 − active / E)^users)`.
fn step_bytes(checkpoint: &Checkpoint, users: usize) -> f64 {
    let spec = checkpoint.spec();
    let touched = |layer: usize| {
        let mlp = &spec.layers[layer].mlp;
        1.0 - (1.0 - mlp.active() as f64 / mlp.experts() as f64).powi(users as i32)
    };
    let share = |role| match role {
        Role::Embedding => 0.0,
        Role::Layer(layer, LayerRole::GateUp | LayerRole::Down) => touched(layer),
        _ => 1.0,
    };
    let bytes = |role| {
        let tensor = checkpoint.tensor(role);
        (tensor.data.len() + tensor.scales.len()) as f64
    };
    spec.tensors().iter().map(|&(role, _)| share(role) * bytes(role)).sum()
}

/// GB/s of the fastest of five passes in which `threads` threads read 1 GiB together.
fn bandwidth(threads: usize) -> f64 {
    let data = vec![1_u64; (1 << 30) / size_of::<u64>()];
    let pass = |_| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in data.chunks(data.len().div_ceil(threads)) {
                scope.spawn(|| black_box(part.iter().fold(0_u64, |sum, &word| sum ^ word)));
            }
        });
        start.elapsed().as_secs_f64()
    };
    let fastest = (0..5).map(pass).fold(f64::INFINITY, f64::min);
    size_of_val(&data[..]) as f64 / fastest / 1e9
}
