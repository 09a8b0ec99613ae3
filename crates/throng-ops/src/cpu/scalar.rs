//! The kernels for any machine, in plain Rust. The compiler vectorises the loops over lanes with
//! what its baseline has.

use half::f16;

use super::isa::Isa;
use super::kernels::{
    Kernels, KvBlock, LANES, NIBBLES, Rows, RowsI8, Running, Scores, TILE_HEADS, TileMxfp4, TileOut,
};
use super::portable;
use crate::mxfp4::{self, BLOCK, DOUBLED};
use crate::placement::BLOCK_TOKENS;

/// The table.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Scalar,
    f32_f32,
    f16_f32,
    bf16_f32,
    bf16_bf16: None,
    mxfp4_f32,
    mxfp4_i8,
    attend_f32: |queries, block, scale, running, out| {
        attend(queries, block, |key| key, scale, running, out);
    },
    attend_bf16: |queries, block, scale, running, out| {
        attend(queries, block, portable::widen, scale, running, out);
    },
    quantise: portable::quantise,
    narrow: portable::narrow,
    rms_norm: portable::rms_norm,
    layer_norm: portable::layer_norm,
    activate: portable::activate,
};

fn f32_f32(weights: &[f32], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    columns(weights, |weight| weight, x, tokens, out);
}

fn f16_f32(weights: &[u16], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    columns(weights, |bits| f16::from_bits(bits).to_f32(), x, tokens, out);
}

/// The product with weights that are stored column after column.
fn columns<T: Copy>(
    weights: &[T],
    widen: impl Fn(T) -> f32,
    x: Rows<'_, f32>,
    tokens: &[u32],
    out: &mut TileOut,
) {
    for (out, [x]) in out.iter_mut().zip(tokens.iter().map(|&token| x.pick(&[token]))) {
        *out = [0.0; LANES];
        for (weights, x) in weights.as_chunks::<LANES>().0.iter().zip(x) {
            for (out, &weight) in out.iter_mut().zip(weights) {
                *out += widen(weight) * x;
            }
        }
    }
}

fn bf16_f32(weights: &[u16], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    for (out, [x]) in out.iter_mut().zip(tokens.iter().map(|&token| x.pick(&[token]))) {
        *out = [0.0; LANES];
        let pairs = weights.as_chunks::<2>().0.as_chunks::<LANES>().0;
        for (weights, x) in pairs.iter().zip(x.as_chunks::<2>().0) {
            for (out, weights) in out.iter_mut().zip(weights) {
                *out += portable::widen(weights[0]) * x[0] + portable::widen(weights[1]) * x[1];
            }
        }
    }
}

/// The codes of a tile's block by row and column.
fn codes(nibbles: &[u8; NIBBLES]) -> [[u8; BLOCK]; LANES] {
    let mut codes = [[0; BLOCK]; LANES];
    for (i, line) in nibbles.as_chunks::<{ 4 * LANES }>().0.iter().enumerate() {
        for (codes, bytes) in codes.iter_mut().zip(line.as_chunks::<4>().0) {
            for (j, byte) in bytes.iter().enumerate() {
                codes[8 * i + j] = byte & 15;
                codes[8 * i + 4 + j] = byte >> 4;
            }
        }
    }
    codes
}

fn mxfp4_f32(weights: TileMxfp4<'_>, x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    *out = TileOut::default();
    let blocks = weights.nibbles.as_chunks().0.iter().zip(weights.scales.as_chunks::<LANES>().0);
    for (block, (nibbles, scales)) in blocks.enumerate() {
        let codes = codes(nibbles);
        for (out, &token) in out.iter_mut().zip(tokens) {
            let [x] = x.pick(&[token]);
            let x = &x[block * BLOCK..][..BLOCK];
            for lane in 0..LANES {
                let weights = codes[lane].iter().map(|&code| f32::from(DOUBLED[usize::from(code)]));
                let sum: f32 = weights.zip(x).map(|(weight, x)| weight * x).sum();
                out[lane] += sum * 0.5 * mxfp4::scale(scales[lane]);
            }
        }
    }
}

fn mxfp4_i8(weights: TileMxfp4<'_>, x: RowsI8<'_>, tokens: &[u32], out: &mut TileOut) {
    *out = TileOut::default();
    let blocks = weights.nibbles.as_chunks().0.iter().zip(weights.scales.as_chunks::<LANES>().0);
    for (block, (nibbles, scales)) in blocks.enumerate() {
        let codes = codes(nibbles);
        for (out, &token) in out.iter_mut().zip(tokens) {
            let ([integers], [x_scales]) = (x.values.pick(&[token]), x.scales.pick(&[token]));
            let integers = &integers[block * BLOCK..][..BLOCK];
            for lane in 0..LANES {
                let weights = codes[lane].iter().map(|&code| i32::from(DOUBLED[usize::from(code)]));
                let sum: i32 = weights.zip(integers).map(|(w, &q)| w * i32::from(q)).sum();
                out[lane] += sum as f32 * (mxfp4::scale(scales[lane]) * x_scales[block]);
            }
        }
    }
}

fn attend<T: Copy>(
    queries: &[f32],
    block: KvBlock<'_, T>,
    widen: impl Fn(T) -> f32,
    scale: f32,
    running: &mut Running,
    out: &mut [f32],
) {
    let keys = block.keys.as_chunks::<BLOCK_TOKENS>().0;
    let dim = keys.len();
    let heads = queries.len() / dim;
    let mut scores = [[0.0; BLOCK_TOKENS]; TILE_HEADS];
    for (scores, query) in scores.iter_mut().zip(queries.chunks_exact(dim)) {
        for (keys, query) in keys.iter().zip(query) {
            for (score, &key) in scores.iter_mut().zip(keys) {
                *score += query * widen(key);
            }
        }
    }
    let corrections = portable::soften(&mut scores, heads, block.visible(), scale, running);
    weigh(&scores, &corrections, block, widen, out);
}

/// `out = out · correction + Σ weight · value` for every head.
fn weigh<T: Copy>(
    weights: &Scores,
    corrections: &[f32; TILE_HEADS],
    block: KvBlock<'_, T>,
    widen: impl Fn(T) -> f32,
    out: &mut [f32],
) {
    let dim = block.values.len() / BLOCK_TOKENS;
    for ((out, weights), correction) in out.chunks_exact_mut(dim).zip(weights).zip(corrections) {
        for out in out.iter_mut() {
            *out *= correction;
        }
        for token in block.visible() {
            for (out, &value) in out.iter_mut().zip(&block.values[token * dim..][..dim]) {
                *out += weights[token] * widen(value);
            }
        }
    }
}
