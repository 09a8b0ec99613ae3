//! The kernels for any machine, in plain Rust. The compiler vectorises the loops over lanes with
//! what its baseline has.

use half::f16;

use super::attention::{Cell, GROUP_TOKENS, KvGroup, QueryTile, rescale, widen_fp8, widen_int8};
use super::integers::{Codes, Mxfp4, TileIntegers, for_formats};
use super::isa::Isa;
use super::kernels::{Kernels, LANES, Products};
use super::panels::{BLOCK, Panels, PanelsI8};
use super::portable;
use super::softmax::soften;
use crate::placement::BLOCK_TOKENS;

/// The table.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Scalar,
    f32_f32,
    f16_f32,
    bf16_f32,
    bf16_bf16: None,
    mxfp4_f32,
    integers_i8: for_formats!(integers),
    release: || {},
    attend_f32: attend::<f32>,
    attend_bf16: attend::<u16>,
    attend_bf16_f32: attend::<u16>,
    widen_fp8,
    widen_int8,
    quantise: portable::quantise,
    narrow: portable::narrow,
    rms_norm: portable::rms_norm,
    layer_norm: portable::layer_norm,
    rotate: portable::rotate,
    join: portable::join,
    activate: portable::activate,
};

fn f32_f32(weights: &[f32], x: Panels<'_, f32>, out: &mut [Products]) {
    let columns = weights.as_chunks::<LANES>().0;
    multiply(columns, x, out, |[weights], [x], out| {
        for (out, weight) in out.iter_mut().zip(weights) {
            *out += weight * x;
        }
    });
}

fn f16_f32(weights: &[u16], x: Panels<'_, f32>, out: &mut [Products]) {
    let columns = weights.as_chunks::<LANES>().0;
    multiply(columns, x, out, |[weights], [x], out| {
        for (out, &weight) in out.iter_mut().zip(weights) {
            *out += f16::from_bits(weight).to_f32() * x;
        }
    });
}

fn bf16_f32(weights: &[u16], x: Panels<'_, f32>, out: &mut [Products]) {
    let pairs = weights.as_chunks::<{ 2 * LANES }>().0;
    multiply(pairs, x, out, |[weights], x: &[f32; 2], out| {
        for (out, weights) in out.iter_mut().zip(weights.as_chunks::<2>().0) {
            *out += portable::widen(weights[0]) * x[0] + portable::widen(weights[1]) * x[1];
        }
    });
}

/// Takes `N` columns at a time into the sums of every vector.
fn multiply<W, const N: usize>(
    weights: &[W],
    x: Panels<'_, f32>,
    out: &mut [Products],
    add: impl Fn(&[W; 1], &[f32; N], &mut Products),
) {
    let outs = out.chunks_mut(super::panels::PANEL);
    for (panel, out) in x.iter().zip(outs) {
        for (vector, out) in out[..panel.vectors].iter_mut().enumerate() {
            *out = [0.0; LANES];
            let blocks = panel.values.as_chunks::<BLOCK>().0;
            let x = blocks.iter().skip(vector).step_by(panel.vectors);
            let x = x.flat_map(|block| block.as_chunks::<N>().0);
            for (weights, x) in weights.as_chunks().0.iter().zip(x) {
                add(weights, x, out);
            }
        }
    }
}

fn mxfp4_f32(weights: TileIntegers<'_>, x: Panels<'_, f32>, out: &mut [Products]) {
    for (panel, out) in x.iter().zip(out.chunks_mut(super::panels::PANEL)) {
        out.fill([0.0; LANES]);
        let blocks = panel.values.as_chunks::<BLOCK>().0.chunks(panel.vectors);
        for (weights, x) in weights.blocks(Mxfp4::FORMAT).zip(blocks) {
            for (out, x) in out.iter_mut().zip(x) {
                for ((out, integers), scale) in
                    out.iter_mut().zip(&weights.integers).zip(weights.scales[0])
                {
                    let sum: f32 = integers.iter().zip(x).map(|(&w, x)| f32::from(w) * x).sum();
                    *out += sum * scale;
                }
            }
        }
    }
}

fn integers<C: Codes>(weights: TileIntegers<'_>, x: PanelsI8<'_>, out: &mut [Products]) {
    for (panel, out) in x.iter().zip(out.chunks_mut(super::panels::PANEL)) {
        out.fill([0.0; LANES]);
        let blocks = panel.values.as_chunks::<BLOCK>().0.chunks(panel.vectors);
        let each = panel.scales.chunks(panel.vectors).zip(panel.sums.chunks(panel.vectors));
        for (weights, (x, (scales, sums))) in weights.blocks(C::FORMAT).zip(blocks.zip(each)) {
            for (vector, out) in out.iter_mut().enumerate() {
                let (x, scale) = (&x[vector], scales[vector]);
                let [first, second] = sums[vector];
                let offset = scale * f32::from(first + second);
                for (lane, out) in out.iter_mut().enumerate() {
                    let [a, b] = dots(&weights.integers[lane], x);
                    let [first, second] = weights.scales.map(|scales| scales[lane] * scale);
                    if const { C::FORMAT.scale.parts() == 1 } {
                        *out += (a + b) as f32 * first;
                    } else {
                        *out += a as f32 * first;
                        *out += b as f32 * second;
                    }
                    *out += weights.offsets[lane] * offset;
                }
            }
        }
    }
}

/// The products of the first and of the second half of a block.
fn dots(weights: &[i8; BLOCK], x: &[i8; BLOCK]) -> [i32; 2] {
    [0..BLOCK / 2, BLOCK / 2..BLOCK].map(|half| {
        let products = weights[half.clone()].iter().zip(&x[half]);
        products.map(|(&w, &x)| i32::from(w) * i32::from(x)).sum()
    })
}

/// See `AttendFn`.
fn attend<T: Cell>(tile: &mut QueryTile, group: &KvGroup<'_, T>) {
    let (dim, stride) = (tile.dim, tile.stride());
    for row in 0..tile.rows {
        let (seen, scores) = (tile.seen[row], &mut tile.weights[row]);
        let query = &tile.queries[row * dim..][..dim];
        for (keys, scores) in group.keys.iter().zip(scores.as_chunks_mut::<BLOCK_TOKENS>().0) {
            *scores = [0.0; BLOCK_TOKENS];
            for (d, x) in query.iter().enumerate().filter(|_| !keys.is_empty()) {
                for (token, score) in scores.iter_mut().enumerate() {
                    *score += x * keys[T::key_index(token, d)].widen();
                }
            }
        }
        let (max, sums) = (&mut tile.max[row], &mut tile.sums[row]);
        let correction = soften(scores, seen, tile.scale, max, sums);
        let out = &mut tile.out[row * stride..][..dim];
        rescale(out, correction);
        for token in (0..GROUP_TOKENS).filter(|token| seen >> token & 1 == 1) {
            let values = group.values[token / BLOCK_TOKENS];
            for (d, out) in out.iter_mut().enumerate() {
                let value = values[T::value_index(dim, token % BLOCK_TOKENS, d)].widen();
                *out += scores[token] * value;
            }
        }
    }
}
