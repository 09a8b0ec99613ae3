//! The operations that a decoder is made of, and what each takes and gives.

use throng_spec::{Activation, Heads, KvDtype, Mixture};

use crate::matrix::MatrixSource;
use crate::placement::{Angles, Placement};
use crate::routes::Routes;

/// How a product of weights and activations is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Activations stay f32, and so do weights: their stored values are used. So are keys and
    /// values as the KV cache has them, f32 unless one asks for less.
    Exact,
    /// Activations may be rounded for the product (INT8 in blocks of 32 against weights of 4 to 8
    /// bits, bf16 against bf16), and rows of a matrix that are stored in different quantised types
    /// and cannot stay apart are kept in bf16. So are keys and values, unless one asks for
    /// something else; against those in bf16 or less, queries and the weights of attention may be
    /// rounded to bf16 too. Sums, norms and softmaxes stay f32.
    #[default]
    Fast,
    /// As fast, but against weights of 8 bits activations are rounded to INT8 twice: what the first
    /// rounding leaves is rounded as a vector of its own, and the products of both are added. That
    /// makes about 15 bits of 8, for twice the multiply-adds and not a byte of weights more. Weights
    /// of fewer bits, or of several types in one matrix, have lost more than one rounding loses.
    Fine,
}

impl Precision {
    /// The same for a product whose rounding costs the most: [`Fine`](Self::Fine) instead of
    /// [`Fast`](Self::Fast).
    pub const fn finer(self) -> Self {
        match self {
            Self::Exact => Self::Exact,
            Self::Fast | Self::Fine => Self::Fine,
        }
    }

    /// How keys and values are kept where nobody says.
    pub const fn kv_dtype(self) -> KvDtype {
        match self {
            Self::Exact => KvDtype::F32,
            Self::Fast | Self::Fine => KvDtype::Bf16,
        }
    }
}

/// What tells one layer's attention from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// The heads.
    pub heads: Heads,
    /// `Some(w)`: a query at position p sees positions p-w+1 ..= p; `None`: all up to p.
    pub window: Option<usize>,
}

impl Attention {
    /// Values of one token's query, key and value vectors laid end to end.
    pub const fn qkv_width(&self) -> usize {
        self.heads.query_width() + 2 * self.heads.kv_width()
    }

    /// The first position that a query at `position` sees.
    pub fn first_visible(&self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window))
    }

    /// What scores are multiplied with before the softmax: `1 / sqrt(dim)`.
    pub fn scale(&self) -> f32 {
        (self.heads.dim as f32).sqrt().recip()
    }
}

/// Memory for a KV cache that the machine does not have.
#[derive(Debug, thiserror::Error)]
#[error("no memory for {blocks} blocks of the KV cache")]
pub struct OutOfMemory {
    /// Blocks asked for.
    pub blocks: usize,
}

/// A device that runs the decoder's operations.
///
/// Activations are f32 in buffers of the backend, one token after the other without gaps; an
/// operation reads and writes the first `tokens` of them. Buffers are at least as long as an
/// operation needs: anything else is a bug of the caller and panics.
pub trait Backend: Send {
    /// f32 values where the backend computes.
    type Buffer: Default + Send;
    /// A weight matrix `[groups, rows, cols]` with its bias, in the layout of the backend's
    /// kernels.
    type Matrix: Send;
    /// Keys and values of one layer, in blocks of [`crate::BLOCK_TOKENS`] tokens.
    type KvPool: Send;

    /// Copies values to a buffer.
    fn upload(&mut self, values: &[f32]) -> Self::Buffer;

    /// Makes a buffer at least `len` values long; what it held may be lost.
    fn reserve(&mut self, buffer: &mut Self::Buffer, len: usize);

    /// The first `len` values of a buffer.
    fn read<'a>(&'a mut self, buffer: &'a Self::Buffer, len: usize) -> &'a [f32];

    /// Brings a matrix into the layout of the kernels. `precision` is that of every product
    /// with it.
    fn pack(&mut self, source: &MatrixSource<'_>, precision: Precision) -> Self::Matrix;

    /// Room for the keys and values of `blocks` blocks, in a dtype; `precision` is that of every
    /// product with them.
    ///
    /// # Errors
    /// The machine has not that much memory.
    fn kv_pool(
        &mut self,
        heads: Heads,
        blocks: usize,
        dtype: KvDtype,
        precision: Precision,
    ) -> Result<Self::KvPool, OutOfMemory>;

    /// `out[t] = table[tokens[t]]`.
    fn embed(&mut self, table: &Self::Matrix, tokens: &[u32], out: &mut Self::Buffer);

    /// `out[t] += table[tokens[t]]`.
    fn embed_add(&mut self, table: &Self::Matrix, tokens: &[u32], out: &mut Self::Buffer);

    /// `out[i] = x[tokens[i]]`, vectors of `width` values.
    fn gather(&mut self, width: usize, tokens: &[u32], x: &Self::Buffer, out: &mut Self::Buffer);

    /// RMSNorm (Zhang and Sennrich 2019) of `tokens` vectors as wide as `weight`:
    /// `out = x / sqrt(mean(x²) + epsilon) · weight`.
    fn rms_norm(
        &mut self,
        tokens: usize,
        x: &Self::Buffer,
        weight: &Self::Buffer,
        epsilon: f32,
        out: &mut Self::Buffer,
    );

    /// LayerNorm (Ba et al. 2016) of `tokens` vectors as wide as the weight and the bias:
    /// `out = (x - mean(x)) / sqrt(var(x) + epsilon) · weight + bias`.
    fn layer_norm(
        &mut self,
        tokens: usize,
        x: &Self::Buffer,
        weight_and_bias: (&Self::Buffer, &Self::Buffer),
        epsilon: f32,
        out: &mut Self::Buffer,
    );

    /// RMSNorm of every query head of `qkv` with the first weight, and of every key head with the
    /// second, in place. Weights are as wide as a head.
    fn norm_heads(
        &mut self,
        tokens: usize,
        attention: &Attention,
        query_and_key: (&Self::Buffer, &Self::Buffer),
        epsilon: f32,
        qkv: &mut Self::Buffer,
    );

    /// `out[t] = matrix · x[t] + bias`, with a matrix of one group.
    fn linear(
        &mut self,
        tokens: usize,
        x: &Self::Buffer,
        matrix: &Self::Matrix,
        out: &mut Self::Buffer,
    );

    /// `out[t] += matrix · x[t] + bias`, with a matrix of one group.
    fn linear_add(
        &mut self,
        tokens: usize,
        x: &Self::Buffer,
        matrix: &Self::Matrix,
        out: &mut Self::Buffer,
    );

    /// The same as [`Backend::linear`], for the product that gives logits: its matrix may be the
    /// model's largest, and its rows may be few.
    fn logits(
        &mut self,
        tokens: usize,
        x: &Self::Buffer,
        matrix: &Self::Matrix,
        out: &mut Self::Buffer,
    ) {
        self.linear(tokens, x, matrix, out);
    }

    /// Rotary position embedding of all query and key heads of `qkv`, in place. Dimension i is
    /// paired with i + dim/2; `angles` has one entry a token.
    fn rope(&mut self, attention: &Attention, angles: &Angles, qkv: &mut Self::Buffer);

    /// Writes the keys and values of `qkv` where `placement` says.
    fn append_kv(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        qkv: &Self::Buffer,
        pool: &mut Self::KvPool,
    );

    /// Grouped-query attention of the queries in `qkv` over `pool`, which holds the step's own
    /// keys already. `sinks` has a logit a query head that joins the softmax's denominator only;
    /// it is -∞ for a head that has none. Gives `[tokens, query width]`.
    fn attend(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        sinks: &Self::Buffer,
        qkv: &Self::Buffer,
        pool: &Self::KvPool,
        out: &mut Self::Buffer,
    );

    /// Sends every token to the experts with the highest of `router · x + bias` (the lower index
    /// first among equals), as many as the mixture says, with weights as it says.
    fn route(
        &mut self,
        tokens: usize,
        x: &Self::Buffer,
        router: &Self::Matrix,
        mixture: Mixture,
        routes: &mut Routes,
    );

    /// For every slot (a token and one of its experts) the expert's up projection and the
    /// activation of it. Where that has a gate, rows of the matrix alternate: even gate, odd up.
    /// Gives `[slots, rows / inputs of the activation]`.
    fn experts_up(
        &mut self,
        routes: &Routes,
        x: &Self::Buffer,
        matrix: &Self::Matrix,
        activation: Activation,
        out: &mut Self::Buffer,
    );

    /// For every slot the expert's down projection; adds to `out[t]` the sum of its slots, each
    /// times its weight, in the order of the route.
    fn experts_down_add(
        &mut self,
        routes: &Routes,
        x: &Self::Buffer,
        matrix: &Self::Matrix,
        out: &mut Self::Buffer,
    );

    /// Bytes of weights and of the KV cache that all operations so far had to read; `None` where
    /// nobody counts them.
    fn bytes_read(&self) -> Option<u64> {
        None
    }
}
