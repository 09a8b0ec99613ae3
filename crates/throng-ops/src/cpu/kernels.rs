//! The table of inner kernels that each instruction set fills, and the views that they work on.
//!
//! A matrix is cut in tiles of [`LANES`] rows, and a tile's weights are interleaved so that one
//! vector holds the same columns of all its rows: lanes are outputs, and no sum crosses lanes.
//! Per tile, in order of the columns:
//!
//! * f32 and f16: for each column, 16 values.
//! * bf16: for each pair of columns, 16 pairs.
//! * small integers: lines as in [`super::integers`].
//!
//! Every kernel sums an output over the columns in one fixed order, however many vectors it is
//! given; that is what the crate's promise rests on. Sums of integers are exact, so they may be
//! made in any order, and by any instruction.

use throng_spec::Activation;

use super::attention::{AttendFn, WidenFn};
use super::integers::{IntegersFns, TileIntegers};
use super::isa::{CpuError, Isa};
use super::panels::{HalfSums, Lane, Panels, PanelsI8};
use super::products::Joined;

/// Rows in a tile.
pub(crate) const LANES: usize = 16;

/// The products of a tile with one vector.
pub(crate) type Products = [f32; LANES];

/// Multiplies a tile of weights with all vectors of some panels. If vectors are bf16, there may be
/// several adjacent tiles, whose products come one tile after the other.
pub(crate) type MultiplyFn<W, X> = unsafe fn(&[W], Panels<'_, X>, &mut [Products]);

/// The same for weights that are integers, and vectors as they are.
pub(crate) type IntegersF32Fn = unsafe fn(TileIntegers<'_>, Panels<'_, f32>, &mut [Products]);

/// The same for weights that are integers, and vectors rounded to INT8.
pub(crate) type IntegersFn = unsafe fn(TileIntegers<'_>, PanelsI8<'_>, &mut [Products]);

/// LayerNorm of one vector: x, weight, bias, ε, out.
pub(crate) type LayerNormFn = unsafe fn(&[f32], &[f32], &[f32], f32, &mut [f32]);

/// Rounds a vector to INT8 into its lane of a panel: x, lane, then integers, scales and sums as in
/// [`PanelsI8`].
pub(crate) type QuantiseFn = unsafe fn(&[f32], Lane, &mut [i8], &mut [f32], &mut [HalfSums]);

/// The inner kernels of one instruction set. The first ones multiply a tile of weights with any
/// number of vectors.
///
/// # Safety
/// All of them: the machine has the instruction set. Everything else they check themselves.
pub(crate) struct Kernels {
    /// The instruction set.
    pub isa: Isa,
    /// f32 weights, f32 vectors.
    pub f32_f32: MultiplyFn<f32, f32>,
    /// f16 weights, f32 vectors.
    pub f16_f32: MultiplyFn<u16, f32>,
    /// bf16 weights, f32 vectors.
    pub bf16_f32: MultiplyFn<u16, f32>,
    /// bf16 weights, bf16 vectors, where there is an instruction for it.
    pub bf16_bf16: Option<MultiplyFn<u16, u16>>,
    /// MXFP4 weights, f32 vectors.
    pub mxfp4_f32: IntegersF32Fn,
    /// Weights that are integers, INT8 vectors.
    pub integers_i8: IntegersFns,
    /// What a thread calls when it has made some products: gives back what they hold of it.
    pub release: fn(),
    /// Attention over f32 keys and values.
    pub attend_f32: AttendFn<f32>,
    /// Attention over bf16 keys and values; queries and weights may be rounded to bf16.
    pub attend_bf16: AttendFn<u16>,
    /// Attention over bf16 keys and values, with products in f32.
    pub attend_bf16_f32: AttendFn<u16>,
    /// Makes bf16 of keys and values in E4M3.
    pub widen_fp8: WidenFn,
    /// Makes bf16 of keys and values in INT8.
    pub widen_int8: WidenFn,
    /// Rounds a vector to INT8.
    pub quantise: QuantiseFn,
    /// Rounds a vector to bf16 into its lane of a panel.
    pub narrow: unsafe fn(&[f32], Lane, &mut [u16]),
    /// RMSNorm of one vector: `x`, weight, ε, out.
    pub rms_norm: unsafe fn(&[f32], &[f32], f32, &mut [f32]),
    /// LayerNorm of one vector.
    pub layer_norm: LayerNormFn,
    /// Rotary position embedding of a token's heads: cosines, sines, heads.
    pub rotate: unsafe fn(&[f32], &[f32], &mut [f32]),
    /// Adds a tile's biases to its products with some vectors, and puts the sums in one half of each
    /// vector's joined products.
    pub join: unsafe fn(&[Products], &Products, usize, &mut [Joined]),
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
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Amx => &super::amx::KERNELS,
            _ => &super::scalar::KERNELS,
        })
    }
}
