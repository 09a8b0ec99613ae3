//! Running golden checkpoints: opening them, laying a sequence out in blocks, comparing logits.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

pub mod spy;

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use throng_checkpoint::Checkpoint;
use throng_model::{
    BLOCK_TOKENS, Batch, BlockTables, Isa, KvBlocks, LoadOptions, Precision, Row, Runner, load,
};
use throng_spec::Quantisation;

/// Lengths of the reference sequences: within a window, past it, and far past it.
pub const LENGTHS: [usize; 3] = [5, 140, 300];

/// Blocks in each pool of the tests' runners.
pub const POOL_BLOCKS: usize = 97;

fn golden_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Names of all golden checkpoints.
pub fn goldens() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(golden_folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no golden checkpoints");
    names
}

/// Opens a golden checkpoint.
pub fn checkpoint(name: &str) -> Checkpoint {
    Checkpoint::open(&golden_folder().join(name)).unwrap()
}

/// The golden checkpoint as a GGUF file, where it has one.
pub fn gguf(name: &str) -> Option<PathBuf> {
    Some(golden_folder().join(name).join("model.gguf")).filter(|file| file.exists())
}

/// A reference sequence and transformers' logits for it, `[tokens, vocab]`.
pub struct Reference {
    /// Token ids.
    pub tokens: Vec<u32>,
    /// Logits at every position.
    pub logits: Vec<f32>,
}

/// The reference of a golden checkpoint for a length.
pub fn reference(name: &str, length: usize) -> Reference {
    let file = golden_folder().join(name).join("reference.safetensors");
    read_reference(&file, &format!("_{length}"))
}

/// The tensors `tokens` and `logits` of a file, their names ending in `suffix`.
pub fn read_reference(file: &Path, suffix: &str) -> Reference {
    let bytes = std::fs::read(file).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| -> Vec<[u8; 4]> {
        file.tensor(&format!("{name}{suffix}")).unwrap().data().as_chunks().0.to_vec()
    };
    let tokens = words("tokens").into_iter().map(u32::from_le_bytes).collect();
    let logits = words("logits").into_iter().map(f32::from_le_bytes).collect();
    Reference { tokens, logits }
}

/// Options of a runner for the tests.
pub fn options(precision: Precision, threads: usize, isa: Option<Isa>) -> LoadOptions {
    let kv_blocks = KvBlocks { full: POOL_BLOCKS, window: POOL_BLOCKS };
    let (quantisation, kv_dtype) = (Quantisation::default(), precision.kv_dtype());
    LoadOptions { threads, precision, quantisation, kv_dtype, isa, kv_blocks, step_tokens: 64 }
}

/// A runner on the CPU.
pub fn runner(
    name: &str,
    precision: Precision,
    threads: usize,
    isa: Option<Isa>,
) -> Box<dyn Runner> {
    load(&checkpoint(name), options(precision, threads, isa), &mut |_| ()).unwrap()
}

/// Scattered blocks for a sequence: no two neighbours are neighbours in the pool, and sequences of
/// different `parity`, 0 or 1, have none in common.
pub fn tables(length: usize, parity: usize) -> BlockTables {
    let blocks = length.div_ceil(BLOCK_TOKENS);
    // The pool's size is prime, so multiples of a step are all different.
    let table =
        |step| (0..blocks).map(|i| ((2 * i + parity) * step % POOL_BLOCKS) as u32).collect();
    BlockTables { full: table(5), window: table(11) }
}

/// A row with the given part of a sequence, wanting all logits.
pub fn row(tokens: &[u32], start: usize, end: usize, blocks: &BlockTables) -> Row {
    Row {
        tokens: tokens[start..end].to_vec(),
        position: start,
        blocks: blocks.clone(),
        wanted_logits: end - start,
    }
}

/// Logits of a whole sequence that is run `chunk` tokens at a time.
pub fn run_chunked(runner: &mut dyn Runner, tokens: &[u32], chunk: usize) -> Vec<f32> {
    let blocks = tables(tokens.len(), 0);
    let mut logits = Vec::new();
    for start in (0..tokens.len()).step_by(chunk) {
        let end = (start + chunk).min(tokens.len());
        let batch = Batch { rows: vec![row(tokens, start, end, &blocks)] };
        logits.extend_from_slice(runner.run(&batch).unwrap());
    }
    logits
}

/// Natural logarithms of the softmax, row by row.
pub fn log_probs(logits: &[f32], vocab: usize) -> Vec<f64> {
    let rows = logits.chunks_exact(vocab);
    rows.flat_map(|row| {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&x| f64::from(x - max).exp()).sum();
        row.iter().map(move |&x| f64::from(x - max) - sum.ln())
    })
    .collect()
}

/// How far logits are from a reference.
#[derive(Debug)]
pub struct Distance {
    /// Largest absolute difference of log-probabilities.
    pub worst: f64,
    /// Mean absolute difference of log-probabilities.
    pub mean: f64,
    /// Positions whose most likely token is another, counting those where the reference's best
    /// two logits are at least the margin apart.
    pub other_argmax: usize,
}

/// Compares logits with a reference, position by position.
pub fn compare(ours: &[f32], reference: &[f32], vocab: usize, margin: f32) -> Distance {
    assert_eq!(ours.len(), reference.len());
    assert!(ours.iter().all(|x| x.is_finite()), "a logit is not finite");
    let pairs = log_probs(ours, vocab).into_iter().zip(log_probs(reference, vocab));
    let errors: Vec<f64> = pairs.map(|(a, b)| (a - b).abs()).collect();
    let rows = ours.chunks_exact(vocab).zip(reference.chunks_exact(vocab));
    let other = rows.filter(|(ours, row)| {
        let best = argmax(row);
        let mut others = row.iter().enumerate().filter(|&(i, _)| i != best);
        argmax(ours) != best && others.all(|(_, &x)| row[best] - x >= margin)
    });
    Distance {
        worst: errors.iter().copied().fold(0.0, f64::max),
        mean: errors.iter().sum::<f64>() / errors.len() as f64,
        other_argmax: other.count(),
    }
}

fn argmax(row: &[f32]) -> usize {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}
