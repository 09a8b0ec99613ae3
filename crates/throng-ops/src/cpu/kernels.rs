//! The table of inner kernels that each instruction set fills, and the views that they work on.
//!
//! A matrix is cut in tiles of [`LANES`] rows, and a tile's weights are interleaved so that one
//! vector holds the same columns of all its rows: lanes are outputs, and no sum crosses lanes.
//! Per tile, in order of the columns:
//!
//! * f32 and f16: for each column, 16 values.
//! * bf16: for each pair of columns, 16 pairs.
//! * MXFP4: for each block of 32 columns, four lines of 16 groups of 4 bytes. Byte j of line i has
//!   the row's codes of columns 8i + j (low nibble) and 8i + 4 + j (high nibble). Beside them, 16
//!   scales a block.
//!
//! Every kernel sums an output over the columns in one fixed order, however many tokens it is
//! given; that is what the crate's promise rests on.

use std::ops::Range;

use throng_spec::Activation;

use super::isa::{CpuError, Isa};
use crate::mxfp4;
use crate::placement::BLOCK_TOKENS;

/// Rows in a tile.
pub(crate) const LANES: usize = 16;

/// The most tokens that a kernel takes at once.
pub(crate) const TILE_TOKENS: usize = 8;

/// Query heads that the attention kernel takes at once.
pub(crate) const TILE_HEADS: usize = 8;

/// Columns of f32 and bf16 matrices are padded with zeros to a multiple of this.
pub(crate) const COLUMN_STEP: usize = 4;

/// Bytes of the nibbles of a tile's block of MXFP4.
pub(crate) const NIBBLES: usize = LANES * mxfp4::BLOCK_BYTES;

/// Added to the doubled values of E2M1 to make them unsigned.
pub(crate) const CODE_OFFSET: i32 = 12;

/// The doubled values of E2M1, made unsigned: instructions for dot products take them so.
pub(crate) const UNSIGNED: [u8; 16] = {
    let mut values = [0; 16];
    let mut code = 0;
    while code < 16 {
        values[code] = (mxfp4::DOUBLED[code] as i32 + CODE_OFFSET) as u8;
        code += 1;
    }
    values
};

/// The products of a tile with up to [`TILE_TOKENS`] tokens.
pub(crate) type TileOut = [[f32; LANES]; TILE_TOKENS];

/// Vectors of equal width behind each other.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    /// The vectors.
    pub values: &'a [T],
    /// Their width.
    pub width: usize,
}

impl<'a, T> Rows<'a, T> {
    /// `N` of the vectors.
    pub(crate) fn pick<const N: usize>(&self, tokens: &[u32]) -> [&'a [T]; N] {
        std::array::from_fn(|i| &self.values[tokens[i] as usize * self.width..][..self.width])
    }
}

/// Vectors rounded to INT8 in blocks of 32.
#[derive(Clone, Copy)]
pub(crate) struct RowsI8<'a> {
    /// The integers, -127 to 127.
    pub values: Rows<'a, i8>,
    /// For each block what the integers are multiplied with, halved since the weights' codes are
    /// doubled.
    pub scales: Rows<'a, f32>,
    /// For each block minus [`CODE_OFFSET`] times the sum of its integers.
    pub corrections: Rows<'a, i32>,
}

/// A tile of an MXFP4 matrix.
#[derive(Clone, Copy)]
pub(crate) struct TileMxfp4<'a> {
    /// [`NIBBLES`] bytes a block.
    pub nibbles: &'a [u8],
    /// [`LANES`] E8M0 codes a block.
    pub scales: &'a [u8],
}

/// One KV head's part of one block of the cache.
#[derive(Clone, Copy)]
pub(crate) struct KvBlock<'a, T> {
    /// `[dim, BLOCK_TOKENS]`: a vector holds one dimension of all the block's keys.
    pub keys: &'a [T],
    /// `[BLOCK_TOKENS, dim]`.
    pub values: &'a [T],
    /// First token of the block that is seen.
    pub first: usize,
    /// The token after the last that is seen.
    pub end: usize,
}

impl<T> KvBlock<'_, T> {
    /// The tokens that are seen.
    pub(crate) fn visible(&self) -> Range<usize> {
        self.first..self.end
    }
}

/// A softmax under way over [`TILE_HEADS`] heads: scores are taken in block by block, relative to
/// the largest so far (Milakov and Gimelshein 2018).
#[derive(Clone, Copy)]
pub(crate) struct Running {
    /// Largest score so far.
    pub max: [f32; TILE_HEADS],
    /// Sum of the exponentials so far, relative to `max`.
    pub sum: [f32; TILE_HEADS],
}

/// Scores of a block's keys, then their weights.
pub(crate) type Scores = [[f32; BLOCK_TOKENS]; TILE_HEADS];

/// Takes one block of keys and values into up to [`TILE_HEADS`] heads' attention. `queries` and
/// `out` are `[heads, dim]`.
pub(crate) type AttendFn<T> =
    unsafe fn(queries: &[f32], KvBlock<'_, T>, scale: f32, &mut Running, out: &mut [f32]);

/// Multiplies a tile of bf16 weights with bf16 vectors.
pub(crate) type Bf16Fn = unsafe fn(&[u16], Rows<'_, u16>, tokens: &[u32], &mut TileOut);

/// LayerNorm of one vector: x, weight, bias, ε, out.
pub(crate) type LayerNormFn = unsafe fn(&[f32], &[f32], &[f32], f32, &mut [f32]);

/// Rounds to INT8: x, integers, scales and corrections as in [`RowsI8`].
pub(crate) type QuantiseFn = unsafe fn(&[f32], &mut [i8], &mut [f32], &mut [i32]);

/// The inner kernels of one instruction set. The first six multiply a tile of weights with 1 to
/// [`TILE_TOKENS`] vectors, those at the given indices.
///
/// # Safety
/// All of them: the machine has the instruction set. Everything else they check themselves.
pub(crate) struct Kernels {
    /// The instruction set.
    pub isa: Isa,
    /// f32 weights, f32 activations.
    pub f32_f32: unsafe fn(&[f32], Rows<'_, f32>, &[u32], &mut TileOut),
    /// f16 weights, f32 activations.
    pub f16_f32: unsafe fn(&[u16], Rows<'_, f32>, &[u32], &mut TileOut),
    /// bf16 weights, f32 activations.
    pub bf16_f32: unsafe fn(&[u16], Rows<'_, f32>, &[u32], &mut TileOut),
    /// bf16 weights, bf16 activations, where there is an instruction for it.
    pub bf16_bf16: Option<Bf16Fn>,
    /// MXFP4 weights, f32 activations.
    pub mxfp4_f32: unsafe fn(TileMxfp4<'_>, Rows<'_, f32>, &[u32], &mut TileOut),
    /// MXFP4 weights, INT8 activations.
    pub mxfp4_i8: unsafe fn(TileMxfp4<'_>, RowsI8<'_>, &[u32], &mut TileOut),
    /// Attention over f32 keys and values.
    pub attend_f32: AttendFn<f32>,
    /// Attention over bf16 keys and values.
    pub attend_bf16: AttendFn<u16>,
    /// Rounds a vector to INT8.
    pub quantise: QuantiseFn,
    /// Rounds a vector to bf16.
    pub narrow: unsafe fn(&[f32], &mut [u16]),
    /// RMSNorm of one vector: `x`, weight, ε, out.
    pub rms_norm: unsafe fn(&[f32], &[f32], f32, &mut [f32]),
    /// LayerNorm of one vector.
    pub layer_norm: LayerNormFn,
    /// The activation of a projection's outputs, gate and up alternating where it has a gate.
    pub activate: unsafe fn(Activation, &[f32], &mut [f32]),
}

impl Kernels {
    /// The kernels of an instruction set. That they are given out is proof that the machine has
    /// it: whoever holds a `&Kernels` may call them.
    ///
    /// # Errors
    /// The machine does not have it.
    pub(crate) fn of(isa: Isa) -> Result<&'static Self, CpuError> {
        if !isa.is_supported() {
            return Err(CpuError::Unsupported(isa));
        }
        Ok(match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => &super::avx2::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => &super::avx512::KERNELS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Bf16 => &super::avx512::KERNELS_BF16,
            _ => &super::scalar::KERNELS,
        })
    }
}
