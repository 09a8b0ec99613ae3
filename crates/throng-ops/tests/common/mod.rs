//! Random inputs, and operations run from plain slices to plain vectors.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod stored;

pub use stored::Stored;

use throng_ops::{Angles, Attention, BLOCK_TOKENS, Backend, Placement, Precision, Routes};
use throng_spec::{Activation, DType, Heads, KvDtype, Mixture, Weighting};

/// All types but FP8, whose scales are those of rectangles and not of rows: see `fp8.rs`.
pub fn whole_types() -> Vec<DType> {
    DType::ALL.into_iter().filter(|dtype| *dtype != DType::Fp8).collect()
}

/// A small generator, so that a failing seed can be replayed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn bits(&mut self) -> u32 {
        // Xorshift (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.bits() as usize % end
    }

    /// Between -1 and 1.
    pub fn value(&mut self) -> f32 {
        self.bits() as f32 / (1u64 << 31) as f32 - 1.0
    }

    pub fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.value()).collect()
    }
}

/// `matrix · x + bias` of a one-group matrix.
pub fn linear<B: Backend>(
    backend: &mut B,
    stored: &Stored,
    precision: Precision,
    x: &[f32],
) -> Vec<f32> {
    let matrix = stored.pack(backend, precision);
    linear_of(backend, &matrix, stored.rows, (x, x.len() / stored.cols))
}

/// The same of a packed matrix with so many rows.
pub fn linear_of<B: Backend>(
    backend: &mut B,
    matrix: &B::Matrix,
    rows: usize,
    (x, tokens): (&[f32], usize),
) -> Vec<f32> {
    let (x, mut out) = (backend.upload(x), B::Buffer::default());
    backend.reserve(&mut out, tokens * rows);
    backend.linear(tokens, &x, matrix, &mut out);
    backend.read(&out, tokens * rows).to_vec()
}

/// What experts of a packed first matrix and of a width make of vectors that go to one each, in turn.
pub fn experts_of<B: Backend>(
    backend: &mut B,
    matrix: &B::Matrix,
    (experts, width): (usize, usize),
    x: &[f32],
) -> Vec<f32> {
    let mixture = Mixture { experts, active: 1, weighting: Weighting::Chosen };
    let logits: Vec<f32> =
        (0..5 * experts).map(|i| f32::from(i % experts == i / experts)).collect();
    let mut routes = Routes::default();
    routes.choose(&logits, mixture);
    let (x, mut out) = (backend.upload(x), B::Buffer::default());
    backend.reserve(&mut out, 5 * width);
    backend.experts_up(&routes, &x, matrix, Activation::SwiGlu, &mut out);
    backend.read(&out, 5 * width).to_vec()
}

/// A mixture of experts from router logits on: up, activation, down, sum.
pub fn experts<B: Backend>(
    backend: &mut B,
    (up, down): (&Stored, &Stored),
    (activation, precision): (Activation, Precision),
    routes: &Routes,
    x: &[f32],
) -> Vec<f32> {
    let (up_matrix, down_matrix) = (up.pack(backend, precision), down.pack(backend, precision));
    let (mut out, x, mut inner) = (backend.upload(x), backend.upload(x), B::Buffer::default());
    backend.reserve(&mut inner, routes.slots() * down.cols);
    backend.experts_up(routes, &x, &up_matrix, activation, &mut inner);
    backend.experts_down_add(routes, &inner, &down_matrix, &mut out);
    backend.read(&out, routes.tokens() * down.rows).to_vec()
}

/// A sequence's queries, keys and values, the blocks it lives in, and its sinks.
pub struct Sequence {
    pub attention: Attention,
    pub length: usize,
    pub qkv: Vec<f32>,
    pub sinks: Vec<f32>,
    pub table: Vec<u32>,
}

/// Blocks in the pools of [`attend`].
pub const POOL_BLOCKS: usize = 64;

impl Sequence {
    pub fn random(
        heads: Heads,
        window: Option<usize>,
        length: usize,
        blocks: impl Iterator<Item = u32>,
        random: &mut Random,
    ) -> Self {
        let attention = Attention { heads, window };
        let mut qkv = random.values(length * attention.qkv_width());
        qkv.iter_mut().for_each(|x| *x *= 3.0);
        let table = blocks.take(length.div_ceil(BLOCK_TOKENS)).collect();
        Self { attention, length, qkv, sinks: random.values(heads.query), table }
    }
}

/// Attention of several sequences (of one shape, with the sinks of the first), `chunk` tokens of
/// each a step, from a pool whose cells are all NaN. Gives each sequence's `[length, query width]`.
pub fn attend<B: Backend>(
    backend: &mut B,
    sequences: &[&Sequence],
    (dtype, precision): (KvDtype, Precision),
    chunk: usize,
) -> Vec<Vec<f32>> {
    let attention = sequences[0].attention;
    let (width, qkv_width) = (attention.heads.query_width(), attention.qkv_width());
    let mut pool = backend.kv_pool(attention.heads, POOL_BLOCKS, dtype, precision).unwrap();
    spoil(backend, &attention, &mut pool);
    let sinks = backend.upload(&sequences[0].sinks);
    let mut results = vec![Vec::new(); sequences.len()];
    let longest = sequences.iter().map(|sequence| sequence.length).max().unwrap();
    for start in (0..longest).step_by(chunk) {
        let (mut placement, mut qkv) = (Placement::default(), Vec::new());
        for (index, sequence) in sequences.iter().enumerate() {
            placement.table_starts.push(placement.tables.len());
            placement.tables.extend(&sequence.table);
            for position in start..sequence.length.min(start + chunk) {
                placement.positions.push(position as u32);
                placement.sequences.push(index as u32);
                qkv.extend(&sequence.qkv[position * qkv_width..][..qkv_width]);
            }
        }
        let (qkv, mut out) = (backend.upload(&qkv), B::Buffer::default());
        backend.reserve(&mut out, placement.tokens() * width);
        backend.append_kv(&attention, &placement, &qkv, &mut pool);
        backend.attend(&attention, &placement, &sinks, &qkv, &pool, &mut out);
        let out = backend.read(&out, placement.tokens() * width);
        for (out, &index) in out.chunks_exact(width).zip(&placement.sequences) {
            results[index as usize].extend(out);
        }
    }
    results
}

/// Fills all cells of a pool with NaN, as a sequence that failed may leave them.
fn spoil<B: Backend>(backend: &mut B, attention: &Attention, pool: &mut B::KvPool) {
    let tokens = POOL_BLOCKS * BLOCK_TOKENS;
    let qkv = backend.upload(&vec![f32::NAN; tokens * attention.qkv_width()]);
    let placement = Placement {
        positions: (0..tokens as u32).collect(),
        sequences: vec![0; tokens],
        tables: (0..POOL_BLOCKS as u32).collect(),
        table_starts: vec![0],
    };
    backend.append_kv(attention, &placement, &qkv, pool);
}

/// What is left of values in bf16.
pub fn rounded_to_bf16(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&x| half::bf16::from_f32(x).to_f32()).collect()
}

/// Angles of some tokens as a rotary embedding would have them.
pub fn angles(tokens: usize, dim: usize, random: &mut Random) -> Angles {
    let turns = random.values(tokens * dim / 2);
    Angles {
        cos: turns.iter().map(|turn| (turn * 9.0).cos()).collect(),
        sin: turns.iter().map(|turn| (turn * 9.0).sin()).collect(),
    }
}

/// Largest difference relative to the root mean square of `expected`.
pub fn error(ours: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(ours.len(), expected.len());
    let square: f32 = expected.iter().map(|x| x * x).sum();
    let size = (square / expected.len() as f32).sqrt().max(1e-6);
    let worst = ours
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |a, b| if b.is_nan() { f32::INFINITY } else { f32::max(a, b) });
    worst / size
}

/// The largest distance of a vector from what is expected, relative to its length. Where activations
/// were rounded, one vector of many may be large enough for its error to dwarf the others.
pub fn error_of_vectors(ours: &[f32], expected: &[f32], width: usize) -> f32 {
    assert_eq!(ours.len(), expected.len());
    let length = |squares: f32| squares.sqrt().max(1e-6);
    ours.chunks(width)
        .zip(expected.chunks(width))
        .map(|(ours, expected)| {
            let difference = ours.iter().zip(expected).map(|(a, b)| (a - b) * (a - b)).sum();
            length(difference) / length(expected.iter().map(|x| x * x).sum())
        })
        .map(|error| if error.is_nan() { f32::INFINITY } else { error })
        .fold(0.0, f32::max)
}
