//! The oracle: every operation by the most obvious loops, in f32, on one thread. It is here to be
//! read and compared with, not to be fast; keep it as close to the formulas as it is.

mod counted;
mod formulas;

use throng_spec::{Activation, Heads, KvDtype, Mixture};

use self::formulas::dot;
use crate::backend::{Attention, Backend, OutOfMemory, Precision};
use crate::matrix::MatrixSource;
use crate::placement::{Angles, BLOCK_TOKENS, Placement};
use crate::quantised::QuantisedRow;
use crate::routes::Routes;

/// The naive backend. It computes in one precision, f32.
#[derive(Debug, Default)]
pub struct Naive;

/// A matrix decoded to f32: `[groups, rows, cols]`, and its bias `[groups, rows]`.
#[derive(Debug)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Matrix {
    /// `matrix[group] · x + bias[group]`, one value a row.
    fn times<'a>(&'a self, group: usize, x: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        (group * self.rows..(group + 1) * self.rows).map(move |row| {
            let weights = &self.weights[row * self.cols..][..self.cols];
            dot(weights, x) + self.bias[row]
        })
    }
}

/// Keys and values, `[blocks, BLOCK_TOKENS, kv width]` each: what is left of them in a dtype.
#[derive(Debug)]
pub struct KvPool {
    dtype: KvDtype,
    head_dim: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// The cache's cell, counted in tokens, of a position in a token's sequence.
fn cell(placement: &Placement, token: usize, position: usize) -> usize {
    placement.block(token, position / BLOCK_TOKENS) * BLOCK_TOKENS + position % BLOCK_TOKENS
}

impl Backend for Naive {
    type Buffer = Vec<f32>;
    type Matrix = Matrix;
    type KvPool = KvPool;

    fn upload(&mut self, values: &[f32]) -> Vec<f32> {
        values.to_vec()
    }

    fn reserve(&mut self, buffer: &mut Vec<f32>, len: usize) {
        buffer.resize(len.max(buffer.len()), 0.0);
    }

    fn read<'a>(&'a mut self, buffer: &'a Vec<f32>, len: usize) -> &'a [f32] {
        &buffer[..len]
    }

    fn pack(&mut self, source: &MatrixSource<'_>, _: Precision) -> Matrix {
        source.check();
        let (groups, rows, cols) = (source.groups, source.rows(), source.cols);
        let mut weights = vec![0.0; groups * rows * cols];
        let mut quantised = QuantisedRow::default();
        for (index, out) in weights.chunks_exact_mut(cols).enumerate() {
            quantised.of(source, index / rows, index % rows).decode(out);
        }
        let bias = source.bias.map_or_else(|| vec![0.0; groups * rows], <[f32]>::to_vec);
        Matrix { rows, cols, weights, bias }
    }

    fn kv_pool(
        &mut self,
        heads: Heads,
        blocks: usize,
        dtype: KvDtype,
        _: Precision,
    ) -> Result<KvPool, OutOfMemory> {
        let len = blocks * BLOCK_TOKENS * heads.kv_width();
        Ok(KvPool { dtype, head_dim: heads.dim, keys: vec![0.0; len], values: vec![0.0; len] })
    }

    fn embed(&mut self, table: &Matrix, tokens: &[u32], out: &mut Vec<f32>) {
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(table.cols)) {
            out.copy_from_slice(&table.weights[token as usize * table.cols..][..table.cols]);
        }
    }

    fn embed_add(&mut self, table: &Matrix, tokens: &[u32], out: &mut Vec<f32>) {
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(table.cols)) {
            let row = &table.weights[token as usize * table.cols..][..table.cols];
            out.iter_mut().zip(row).for_each(|(out, x)| *out += x);
        }
    }

    fn gather(&mut self, width: usize, tokens: &[u32], x: &Vec<f32>, out: &mut Vec<f32>) {
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(width)) {
            out.copy_from_slice(&x[token as usize * width..][..width]);
        }
    }

    fn rms_norm(
        &mut self,
        tokens: usize,
        x: &Vec<f32>,
        weight: &Vec<f32>,
        epsilon: f32,
        out: &mut Vec<f32>,
    ) {
        let width = weight.len();
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).take(tokens) {
            formulas::rms_norm(x, weight, epsilon, out);
        }
    }

    fn layer_norm(
        &mut self,
        tokens: usize,
        x: &Vec<f32>,
        (weight, bias): (&Vec<f32>, &Vec<f32>),
        epsilon: f32,
        out: &mut Vec<f32>,
    ) {
        let width = weight.len();
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).take(tokens) {
            formulas::layer_norm(x, (weight, bias), epsilon, out);
        }
    }

    fn norm_heads(
        &mut self,
        tokens: usize,
        attention: &Attention,
        (query, key): (&Vec<f32>, &Vec<f32>),
        epsilon: f32,
        qkv: &mut Vec<f32>,
    ) {
        let heads = attention.heads;
        for qkv in qkv.chunks_exact_mut(attention.qkv_width()).take(tokens) {
            for (index, head) in qkv.chunks_exact_mut(heads.dim).enumerate() {
                let x = head.to_vec();
                if index < heads.query {
                    formulas::rms_norm(&x, query, epsilon, head);
                } else if index < heads.query + heads.kv {
                    formulas::rms_norm(&x, key, epsilon, head);
                }
            }
        }
    }

    fn linear(&mut self, tokens: usize, x: &Vec<f32>, matrix: &Matrix, out: &mut Vec<f32>) {
        let outs = out.chunks_exact_mut(matrix.rows);
        for (x, out) in x.chunks_exact(matrix.cols).zip(outs).take(tokens) {
            for (out, y) in out.iter_mut().zip(matrix.times(0, x)) {
                *out = y;
            }
        }
    }

    fn linear_add(&mut self, tokens: usize, x: &Vec<f32>, matrix: &Matrix, out: &mut Vec<f32>) {
        let outs = out.chunks_exact_mut(matrix.rows);
        for (x, out) in x.chunks_exact(matrix.cols).zip(outs).take(tokens) {
            for (out, y) in out.iter_mut().zip(matrix.times(0, x)) {
                *out += y;
            }
        }
    }

    fn rope(&mut self, attention: &Attention, angles: &Angles, qkv: &mut Vec<f32>) {
        let Heads { query, kv, dim } = attention.heads;
        let half = dim / 2;
        let angles = angles.cos.chunks_exact(half).zip(angles.sin.chunks_exact(half));
        for (qkv, (cos, sin)) in qkv.chunks_exact_mut(attention.qkv_width()).zip(angles) {
            for head in qkv.chunks_exact_mut(dim).take(query + kv) {
                let (low, high) = head.split_at_mut(half);
                for i in 0..half {
                    let (x, y) = (low[i], high[i]);
                    low[i] = x * cos[i] - y * sin[i];
                    high[i] = y * cos[i] + x * sin[i];
                }
            }
        }
    }

    fn append_kv(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        qkv: &Vec<f32>,
        pool: &mut KvPool,
    ) {
        let (query, kv) = (attention.heads.query_width(), attention.heads.kv_width());
        for token in 0..placement.tokens() {
            let cell = cell(placement, token, placement.position(token)) * kv;
            let qkv = &qkv[token * attention.qkv_width()..][..attention.qkv_width()];
            for (from, to) in [(query, &mut pool.keys), (query + kv, &mut pool.values)] {
                let kept = qkv[from..][..kv].chunks_exact(pool.head_dim);
                let kept = kept.flat_map(|head| formulas::kept(pool.dtype, head));
                to[cell..][..kv].iter_mut().zip(kept).for_each(|(to, x)| *to = x);
            }
        }
    }

    fn attend(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        sinks: &Vec<f32>,
        qkv: &Vec<f32>,
        pool: &KvPool,
        out: &mut Vec<f32>,
    ) {
        let heads = attention.heads;
        for token in 0..placement.tokens() {
            let position = placement.position(token);
            let visible = attention.first_visible(position)..=position;
            for head in 0..heads.query {
                let query = &qkv[token * attention.qkv_width() + head * heads.dim..][..heads.dim];
                let kv_head = head / (heads.query / heads.kv) * heads.dim;
                let at = |seen| cell(placement, token, seen) * heads.kv_width() + kv_head;
                let scores: Vec<f32> = visible
                    .clone()
                    .map(|seen| dot(query, &pool.keys[at(seen)..][..heads.dim]) * attention.scale())
                    .collect();
                let max = scores.iter().copied().fold(sinks[head], f32::max);
                let exps: Vec<f32> = scores.iter().map(|score| (score - max).exp()).collect();
                let sum = exps.iter().sum::<f32>() + (sinks[head] - max).exp();
                let out = &mut out[(token * heads.query + head) * heads.dim..][..heads.dim];
                out.fill(0.0);
                for (seen, exp) in visible.clone().zip(exps) {
                    let value = &pool.values[at(seen)..][..heads.dim];
                    for (out, value) in out.iter_mut().zip(value) {
                        *out += exp / sum * value;
                    }
                }
            }
        }
    }

    fn route(
        &mut self,
        tokens: usize,
        x: &Vec<f32>,
        router: &Matrix,
        mixture: Mixture,
        routes: &mut Routes,
    ) {
        let mut logits = vec![0.0; tokens * router.rows];
        self.linear(tokens, x, router, &mut logits);
        routes.choose(&logits, mixture);
    }

    fn experts_up(
        &mut self,
        routes: &Routes,
        x: &Vec<f32>,
        matrix: &Matrix,
        activation: Activation,
        out: &mut Vec<f32>,
    ) {
        for (slot, &expert) in routes.experts().iter().enumerate() {
            let x = &x[slot / routes.active() * matrix.cols..][..matrix.cols];
            let up: Vec<f32> = matrix.times(expert as usize, x).collect();
            let width = matrix.rows / activation.inputs();
            formulas::activate(activation, &up, &mut out[slot * width..][..width]);
        }
    }

    fn experts_down_add(
        &mut self,
        routes: &Routes,
        x: &Vec<f32>,
        matrix: &Matrix,
        out: &mut Vec<f32>,
    ) {
        for (token, out) in out.chunks_exact_mut(matrix.rows).take(routes.tokens()).enumerate() {
            let mut sum = vec![0.0; matrix.rows];
            for slot in token * routes.active()..(token + 1) * routes.active() {
                let x = &x[slot * matrix.cols..][..matrix.cols];
                let expert = routes.experts()[slot] as usize;
                for (sum, y) in sum.iter_mut().zip(matrix.times(expert, x)) {
                    *sum += routes.weights()[slot] * y;
                }
            }
            for (out, sum) in out.iter_mut().zip(sum) {
                *out += sum;
            }
        }
    }
}
