//! The fast backend: many threads, vector instructions, packed weights.
//!
//! The layers, from below: `amx`, `avx512`, `avx2` and `scalar` hold inner kernels and nothing else,
//! each behind a [`kernels::Kernels`] table that is picked once; `linear`, `experts` and `attention`
//! cut the operations in pieces for the threads of `pool` and know no instruction set; this file
//! joins them to the [`Backend`].

mod aligned;
#[cfg(target_arch = "x86_64")]
mod amx;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bandwidth;
mod counted;
mod experts;
mod footprint;
mod heads;
mod inputs;
mod integers;
mod isa;
mod kernels;
mod linear;
mod packed;
mod panels;
mod peaks;
mod pool;
mod portable;
#[cfg(target_arch = "x86_64")]
mod prefetch;
mod products;
mod scalar;
mod scatter;
mod softmax;
mod work;

use throng_spec::{Activation, Heads, KvDtype, Mixture};

use self::aligned::Arena;
use self::attention::Attend;
pub use self::attention::KvPool;
pub use self::bandwidth::read_bandwidth;
use self::experts::Experts;
pub use self::footprint::{
    kv_pool_bytes, packed_bytes, packed_dtype, scratch_bytes, stacked_dtypes,
};
pub use self::isa::{CpuError, Isa};
use self::kernels::Kernels;
use self::linear::{Linear, Store};
pub use self::packed::Matrix;
pub use self::peaks::arithmetic_peaks;
use self::pool::Pool;
use self::scatter::for_each_part;
use self::work::grain;
use crate::backend::{Attention, Backend, OutOfMemory, Precision};
use crate::matrix::MatrixSource;
use crate::placement::{Angles, Placement};
use crate::routes::Routes;

/// The CPU.
pub struct Cpu {
    kernels: &'static Kernels,
    pool: Pool,
    /// Of packed matrices.
    memory: Arena,
    linear: Linear,
    experts: Experts,
    attend: Attend,
    router_logits: Vec<f32>,
    /// A copy of what an operation changes in place, or a row of a table.
    scratch: Vec<f32>,
}

impl Cpu {
    /// A backend with `threads` threads, the caller's among them, on the given instruction set or
    /// the best that the machine has.
    ///
    /// # Errors
    /// The machine lacks the instruction set, or does not give that many threads.
    pub fn new(threads: usize, isa: Option<Isa>) -> Result<Self, CpuError> {
        let kernels = Kernels::of(isa.unwrap_or_else(Isa::detect))?;
        if threads == 0 || threads > isa::MAX_THREADS {
            return Err(CpuError::Threads(threads));
        }
        let pool = Pool::new(threads)
            .map_err(|error| CpuError::Spawn { threads, reason: error.kind() })?;
        Ok(Self {
            kernels,
            pool,
            memory: Arena::default(),
            linear: Linear::default(),
            experts: Experts::default(),
            attend: Attend::new(threads),
            router_logits: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.kernels.isa
    }

    /// Bytes that operations have kept for themselves so far; see [`scratch_bytes`].
    pub fn scratch_bytes(&self) -> usize {
        let copies = size_of_val(&*self.router_logits) + size_of_val(&*self.scratch);
        self.linear.bytes() + self.experts.bytes() + copies
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }
}

impl std::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu").field("isa", &self.isa()).field("threads", &self.threads()).finish()
    }
}

impl Backend for Cpu {
    type Buffer = Vec<f32>;
    type Matrix = Matrix;
    type KvPool = KvPool;

    fn upload(&mut self, values: &[f32]) -> Vec<f32> {
        values.to_vec()
    }

    fn reserve(&mut self, buffer: &mut Vec<f32>, len: usize) {
        inputs::grow(buffer, len);
    }

    fn read<'a>(&'a mut self, buffer: &'a Vec<f32>, len: usize) -> &'a [f32] {
        &buffer[..len]
    }

    fn pack(&mut self, source: &MatrixSource<'_>, precision: Precision) -> Matrix {
        Matrix::pack(source, precision, self.kernels, (&mut self.memory, &mut self.pool))
    }

    fn kv_pool(
        &mut self,
        heads: Heads,
        blocks: usize,
        dtype: KvDtype,
        precision: Precision,
    ) -> Result<KvPool, OutOfMemory> {
        KvPool::new(heads, blocks, dtype, precision)
    }

    fn embed(&mut self, table: &Matrix, tokens: &[u32], out: &mut Vec<f32>) {
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(table.cols)) {
            table.row(token as usize, out);
        }
    }

    fn embed_add(&mut self, table: &Matrix, tokens: &[u32], out: &mut Vec<f32>) {
        inputs::grow(&mut self.scratch, table.cols);
        let row = &mut self.scratch[..table.cols];
        for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(table.cols)) {
            table.row(token as usize, row);
            out.iter_mut().zip(&*row).for_each(|(out, x)| *out += x);
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
        let Self { kernels, pool, .. } = self;
        let width = weight.len();
        let out = &mut out[..tokens * width];
        for_each_part(pool, out, width, grain(pool, tokens, 4 * width), &|token, out| {
            let x = &x[token * width..][..width];
            // SAFETY: a reference to the kernels is proof that the machine can run them.
            unsafe { (kernels.rms_norm)(x, weight, epsilon, out) };
        });
    }

    fn layer_norm(
        &mut self,
        tokens: usize,
        x: &Vec<f32>,
        (weight, bias): (&Vec<f32>, &Vec<f32>),
        epsilon: f32,
        out: &mut Vec<f32>,
    ) {
        let Self { kernels, pool, .. } = self;
        let width = weight.len();
        let out = &mut out[..tokens * width];
        for_each_part(pool, out, width, grain(pool, tokens, 6 * width), &|token, out| {
            let x = &x[token * width..][..width];
            // SAFETY: a reference to the kernels is proof that the machine can run them.
            unsafe { (kernels.layer_norm)(x, weight, bias, epsilon, out) };
        });
    }

    fn norm_heads(
        &mut self,
        tokens: usize,
        attention: &Attention,
        weights: (&Vec<f32>, &Vec<f32>),
        epsilon: f32,
        qkv: &mut Vec<f32>,
    ) {
        let Self { kernels, pool, scratch, .. } = self;
        let qkv = &mut qkv[..tokens * attention.qkv_width()];
        qkv.clone_into(scratch);
        heads::norm((kernels, pool), attention, (weights.0, weights.1), epsilon, (scratch, qkv));
    }

    fn linear(&mut self, tokens: usize, x: &Vec<f32>, matrix: &Matrix, out: &mut Vec<f32>) {
        let Self { kernels, pool, linear, .. } = self;
        linear.run(kernels, pool, matrix, (x, tokens), (out, Store::Set));
    }

    fn linear_add(&mut self, tokens: usize, x: &Vec<f32>, matrix: &Matrix, out: &mut Vec<f32>) {
        let Self { kernels, pool, linear, .. } = self;
        linear.run(kernels, pool, matrix, (x, tokens), (out, Store::Add));
    }

    fn rope(&mut self, attention: &Attention, angles: &Angles, qkv: &mut Vec<f32>) {
        heads::rotate((self.kernels, &mut self.pool), attention, angles, qkv);
    }

    fn append_kv(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        qkv: &Vec<f32>,
        pool: &mut KvPool,
    ) {
        pool.append(&mut self.pool, attention, placement, qkv);
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
        let Self { kernels, pool: threads, attend, .. } = self;
        attend.run((kernels, threads), attention, placement, (sinks, qkv), (pool, out));
    }

    fn route(
        &mut self,
        tokens: usize,
        x: &Vec<f32>,
        router: &Matrix,
        mixture: Mixture,
        routes: &mut Routes,
    ) {
        let Self { kernels, pool, linear, router_logits, .. } = self;
        let len = tokens * router.rows;
        inputs::grow(router_logits, len);
        linear.run(kernels, pool, router, (x, tokens), (router_logits, Store::Set));
        routes.choose(&router_logits[..len], mixture);
    }

    fn experts_up(
        &mut self,
        routes: &Routes,
        x: &Vec<f32>,
        matrix: &Matrix,
        activation: Activation,
        out: &mut Vec<f32>,
    ) {
        let Self { kernels, pool, experts, .. } = self;
        experts.up((kernels, pool), routes, (x, matrix), activation, out);
    }

    fn experts_down_add(
        &mut self,
        routes: &Routes,
        x: &Vec<f32>,
        matrix: &Matrix,
        out: &mut Vec<f32>,
    ) {
        let Self { kernels, pool, experts, .. } = self;
        experts.down_add((kernels, pool), routes, (x, matrix), out);
    }
}
