//! The kernels for x86-64 with AMX: products of whole matrix tiles, and attention over bf16, which is
//! two of them. All else is as in `avx512`, and so is a product of few vectors with integers.
//!
//! The language has no intrinsics for AMX yet, so its instructions are assembly. Nothing else in a
//! program touches its registers, so what one block of assembly leaves there the next one finds;
//! the blocks say that they clobber them nevertheless.

mod ahead;
mod attend;
mod bf16;
mod integers;
pub(super) mod tiles;

pub(super) use self::tiles::is_usable;
use super::avx512;
use super::integers::for_formats;
use super::isa::Isa;
use super::kernels::Kernels;

/// The table.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512Amx,
    attend_bf16: attend::attend,
    bf16_bf16: Some(bf16::multiply),
    integers_i8: for_formats!(integers::multiply),
    release: tiles::release,
    ..avx512::KERNELS_BF16
};
