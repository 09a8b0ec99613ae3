//! Blocks of a tile of weights as the kernel takes them: integers of a byte each, and scales and
//! offsets in f32.

use std::arch::x86_64::*;
use std::marker::PhantomData;
use std::ops::Range;

use crate::cpu::avx512::{load_block, load_integers};
use crate::cpu::integers::{Codes, LINE, TileIntegers};
use crate::cpu::kernels::LANES;
use crate::cpu::panels::BLOCK;
use crate::cpu::prefetch::{prefetch, prefetch_far};

/// Blocks that are kept unpacked: 16 KiB, which stay in the first-level cache while all panels pass
/// by.
pub(super) const CHUNK: usize = 32;

/// Bytes of a block's integers.
pub(super) const BLOCK_BYTES: usize = LANES * BLOCK;

/// Blocks of a tile of weights.
#[repr(align(64))]
pub(super) struct Unpacked {
    /// Those of codes of 4 to 6 bits; 8-bit integers are taken from where they are.
    integers: [[u8; BLOCK_BYTES]; CHUNK],
    scales: [[[f32; LANES]; 2]; CHUNK],
    offsets: [[f32; LANES]; CHUNK],
}

impl Unpacked {
    pub(super) const fn new() -> Self {
        Self {
            integers: [[0; BLOCK_BYTES]; CHUNK],
            scales: [[[0.0; LANES]; 2]; CHUNK],
            offsets: [[0.0; LANES]; CHUNK],
        }
    }
}

/// Up to [`CHUNK`] blocks of a tile of weights.
pub(super) struct Blocks<'a, C> {
    /// Integers, in lines.
    pub integers: &'a [[u8; BLOCK_BYTES]],
    /// Scales of their parts.
    pub scales: &'a [[[f32; LANES]; 2]],
    /// Offsets, if the format has some.
    pub offsets: &'a [[f32; LANES]],
    codes: &'a [u8],
    format: PhantomData<C>,
}

impl<'a, C: Codes> Blocks<'a, C> {
    /// Brings the codes of blocks to integers, and scales and offsets to f32.
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn unpack(
        weights: TileIntegers<'a>,
        blocks: Range<usize>,
        unpacked: &'a mut Unpacked,
    ) -> Self {
        let bytes = const { C::FORMAT.lines() * LINE };
        let codes = &weights.codes[blocks.start * bytes..blocks.end * bytes];
        let len = blocks.len();
        for (at, (index, codes)) in blocks.zip(codes.chunks_exact(bytes)).enumerate() {
            if const { C::FORMAT.table.is_some() } {
                let integers = unpacked.integers[at].as_chunks_mut::<LINE>().0;
                for (out, columns) in integers.iter_mut().zip(load_integers::<C, true>(codes)) {
                    store_line(columns, out);
                }
            }
            let (scales, offsets) = load_block::<C>(weights, index);
            let parts = const { C::FORMAT.scale.parts() };
            for (kept, scales) in unpacked.scales[at][..parts].iter_mut().zip(scales) {
                store_floats(scales, kept);
            }
            if let Some(offsets) = offsets {
                store_floats(offsets, &mut unpacked.offsets[at]);
            }
        }
        let Unpacked { integers, scales, offsets } = unpacked;
        let integers = match const { C::FORMAT.table } {
            Some(_) => &integers[..len],
            None => codes.as_chunks().0,
        };
        let (scales, offsets) = (&scales[..len], &offsets[..len]);
        Self { integers, scales, offsets, codes, format: PhantomData }
    }

    /// Asks for what comes after a block: where codes are unpacked the same block of the next chunk,
    /// and where they are multiplied as they are also the ones that are multiplied soon.
    #[inline]
    pub(super) fn prefetch(&self, index: usize) {
        let bytes = const { C::FORMAT.lines() * LINE };
        let codes = &self.codes[index * bytes..][..bytes];
        if const { C::FORMAT.table.is_some() } {
            prefetch_far(codes, CHUNK);
        } else {
            prefetch(codes);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_line(integers: __m512i, out: &mut [u8; LINE]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_floats(values: __m512, out: &mut [f32; LANES]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_floats(values: &[f32; LANES]) -> __m512 {
    // SAFETY: 64 bytes are there to be read.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}
