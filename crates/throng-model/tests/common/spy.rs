//! The plain backend, with someone who writes down where tokens are sent.

use std::sync::{Arc, Mutex};

use throng_ops::{
    Angles, Attention, Backend, MatrixSource, Naive, OutOfMemory, Placement, Precision, Routes,
};
use throng_spec::{Activation, Heads, KvDtype, Mixture};

/// The experts of each call of `route`, slot by slot.
pub type Seen = Arc<Mutex<Vec<Vec<u32>>>>;

/// [`Naive`], watched.
pub struct Spy {
    naive: Naive,
    seen: Seen,
}

impl Spy {
    /// Writes to `seen`.
    pub fn new(seen: Seen) -> Self {
        Self { naive: Naive, seen }
    }
}

type Buffer = <Naive as Backend>::Buffer;
type Matrix = <Naive as Backend>::Matrix;
type KvPool = <Naive as Backend>::KvPool;

impl Backend for Spy {
    type Buffer = Buffer;
    type Matrix = Matrix;
    type KvPool = KvPool;

    fn route(
        &mut self,
        tokens: usize,
        x: &Buffer,
        router: &Matrix,
        mixture: Mixture,
        routes: &mut Routes,
    ) {
        self.naive.route(tokens, x, router, mixture, routes);
        self.seen.lock().unwrap().push(routes.experts().to_vec());
    }

    fn upload(&mut self, values: &[f32]) -> Buffer {
        self.naive.upload(values)
    }

    fn reserve(&mut self, buffer: &mut Buffer, len: usize) {
        self.naive.reserve(buffer, len);
    }

    fn read<'a>(&'a mut self, buffer: &'a Buffer, len: usize) -> &'a [f32] {
        self.naive.read(buffer, len)
    }

    fn pack(&mut self, source: &MatrixSource<'_>, precision: Precision) -> Matrix {
        self.naive.pack(source, precision)
    }

    fn kv_pool(
        &mut self,
        heads: Heads,
        blocks: usize,
        dtype: KvDtype,
        precision: Precision,
    ) -> Result<KvPool, OutOfMemory> {
        self.naive.kv_pool(heads, blocks, dtype, precision)
    }

    fn embed(&mut self, table: &Matrix, tokens: &[u32], out: &mut Buffer) {
        self.naive.embed(table, tokens, out);
    }

    fn embed_add(&mut self, table: &Matrix, tokens: &[u32], out: &mut Buffer) {
        self.naive.embed_add(table, tokens, out);
    }

    fn gather(&mut self, width: usize, tokens: &[u32], x: &Buffer, out: &mut Buffer) {
        self.naive.gather(width, tokens, x, out);
    }

    fn rms_norm(&mut self, n: usize, x: &Buffer, weight: &Buffer, eps: f32, out: &mut Buffer) {
        self.naive.rms_norm(n, x, weight, eps, out);
    }

    fn layer_norm(
        &mut self,
        tokens: usize,
        x: &Buffer,
        weight_and_bias: (&Buffer, &Buffer),
        epsilon: f32,
        out: &mut Buffer,
    ) {
        self.naive.layer_norm(tokens, x, weight_and_bias, epsilon, out);
    }

    fn norm_heads(
        &mut self,
        tokens: usize,
        attention: &Attention,
        query_and_key: (&Buffer, &Buffer),
        epsilon: f32,
        qkv: &mut Buffer,
    ) {
        self.naive.norm_heads(tokens, attention, query_and_key, epsilon, qkv);
    }

    fn linear(&mut self, tokens: usize, x: &Buffer, matrix: &Matrix, out: &mut Buffer) {
        self.naive.linear(tokens, x, matrix, out);
    }

    fn linear_add(&mut self, tokens: usize, x: &Buffer, matrix: &Matrix, out: &mut Buffer) {
        self.naive.linear_add(tokens, x, matrix, out);
    }

    fn rope(&mut self, attention: &Attention, angles: &Angles, qkv: &mut Buffer) {
        self.naive.rope(attention, angles, qkv);
    }

    fn append_kv(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        qkv: &Buffer,
        pool: &mut KvPool,
    ) {
        self.naive.append_kv(attention, placement, qkv, pool);
    }

    fn attend(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        sinks: &Buffer,
        qkv: &Buffer,
        pool: &KvPool,
        out: &mut Buffer,
    ) {
        self.naive.attend(attention, placement, sinks, qkv, pool, out);
    }

    fn experts_up(
        &mut self,
        routes: &Routes,
        x: &Buffer,
        matrix: &Matrix,
        activation: Activation,
        out: &mut Buffer,
    ) {
        self.naive.experts_up(routes, x, matrix, activation, out);
    }

    fn experts_down_add(&mut self, routes: &Routes, x: &Buffer, matrix: &Matrix, out: &mut Buffer) {
        self.naive.experts_down_add(routes, x, matrix, out);
    }
}
