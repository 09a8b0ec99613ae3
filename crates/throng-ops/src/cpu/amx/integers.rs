//! Products of small integers. A block of 32 columns, or each of its halves if these have scales of
//! their own, is one instruction for 16 rows and 16 vectors; its sums go through memory to the vector
//! registers, where they are scaled and added up.

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

use super::tiles::{self, Shape};
use crate::cpu::avx512::{self, load_block, load_integers};
use crate::cpu::integers::{Codes, LINE, TileIntegers};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, PanelI8, PanelsI8};
use crate::cpu::prefetch::prefetch;

/// Vectors from which on this is faster than the instructions for dot products.
const LEAST: usize = 7;

/// Blocks that are kept unpacked: 16 KiB, which stay in the first-level cache while all panels pass
/// by.
const CHUNK: usize = 32;

/// Blocks that are unpacked before the first is multiplied.
const LEAD: usize = 3;

/// Bytes of a block's integers.
const BLOCK_BYTES: usize = LANES * BLOCK;

/// Blocks of a tile of weights as the instructions take them, each at its number modulo [`CHUNK`].
#[repr(align(64))]
struct Unpacked {
    /// Those of codes of 4 to 6 bits; 8-bit integers are taken from where they are.
    integers: [[u8; BLOCK_BYTES]; CHUNK],
    scales: [[[f32; LANES]; 2]; CHUNK],
    offsets: [[f32; LANES]; CHUNK],
    /// Sums of a part of a block and of the one before.
    sums: [Sums; 2],
}

thread_local! {
    /// Kept from product to product.
    static UNPACKED: RefCell<Unpacked> = const {
        RefCell::new(Unpacked {
            integers: [[0; BLOCK_BYTES]; CHUNK],
            scales: [[[0.0; LANES]; 2]; CHUNK],
            offsets: [[0.0; LANES]; CHUNK],
            sums: [Sums([[0; LANES]; PANEL]); 2],
        })
    };
}

/// A block's sums, row by row, for each of up to [`PANEL`] vectors.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Sums([[i32; LANES]; PANEL]);

/// See `IntegersFn`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply<C: Codes>(weights: TileIntegers<'_>, x: PanelsI8<'_>, out: &mut [Products]) {
    let vectors = x.values.vectors();
    if vectors < LEAST {
        return avx512::multiply::<C>(weights, x, out);
    }
    let rest = vectors % PANEL;
    let last = if rest == 0 { PANEL } else { rest };
    let [full_sums, last_sums] = [PANEL, last].map(|rows| Shape { rows, bytes: LINE });
    let part = const { BLOCK / C::FORMAT.scale.parts() };
    let [full_x, last_x] = [PANEL, last].map(|rows| Shape { rows, bytes: part });
    let rows = Shape { rows: part / 4, bytes: LINE };
    // SAFETY: this kernel is in the table of machines with AMX alone.
    unsafe { tiles::shape([full_sums, last_sums, full_x, last_x, rows, rows, rows, rows]) };
    out.fill([0.0; LANES]);
    let blocks = weights.codes.len() / (const { C::FORMAT.lines() } * LINE);
    // One panel goes through without a stop; with several, what the first unpacks is still there
    // for the others.
    let chunk = if vectors <= PANEL { blocks } else { CHUNK };
    UNPACKED.with_borrow_mut(|unpacked| {
        for first in (0..blocks).step_by(chunk) {
            let blocks = first..blocks.min(first + chunk);
            for (index, (panel, out)) in x.iter().zip(out.chunks_mut(PANEL)).enumerate() {
                let panel = panel.blocks(blocks.clone());
                let mut tile = Tile::<C> { weights, first, unpacked, format: PhantomData };
                if index == 0 {
                    tile.add_panel::<true>(panel, out);
                } else {
                    tile.add_panel::<false>(panel, out);
                }
            }
        }
    });
}

impl<'a> PanelI8<'a> {
    /// Some of the blocks.
    fn blocks(self, blocks: Range<usize>) -> Self {
        let (start, end) = (blocks.start * self.vectors, blocks.end * self.vectors);
        Self {
            values: &self.values[start * BLOCK..end * BLOCK],
            scales: &self.scales[start..end],
            sums: &self.sums[start..end],
            vectors: self.vectors,
        }
    }
}

/// The blocks of a tile from one on.
struct Tile<'a, C> {
    weights: TileIntegers<'a>,
    first: usize,
    unpacked: &'a mut Unpacked,
    format: PhantomData<C>,
}

impl<'a, C: Codes> Tile<'a, C> {
    /// Brings the codes of a block to integers, and scales and offsets to f32.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn unpack(&mut self, index: usize) {
        let codes = self.codes(index);
        prefetch(codes.as_flattened());
        if const { C::FORMAT.table.is_some() } {
            let integers = self.unpacked.integers[index % CHUNK].as_chunks_mut::<LINE>().0;
            let columns = load_integers::<C, true>(codes.as_flattened());
            for (out, columns) in integers.iter_mut().zip(columns) {
                store_line(columns, out);
            }
        }
        let (scales, offsets) = load_block::<C>(self.weights, self.first + index);
        let parts = const { C::FORMAT.scale.parts() };
        let kept = &mut self.unpacked.scales[index % CHUNK][..parts];
        for (kept, scales) in kept.iter_mut().zip(scales) {
            store_floats(scales, kept);
        }
        if let Some(offsets) = offsets {
            store_floats(offsets, &mut self.unpacked.offsets[index % CHUNK]);
        }
    }

    /// The lines of a block.
    fn codes(&self, index: usize) -> &'a [[u8; LINE]] {
        let lines = const { C::FORMAT.lines() };
        &self.weights.codes.as_chunks().0[(self.first + index) * lines..][..lines]
    }

    /// The integers of a block that is unpacked, in lines.
    #[inline]
    fn integers(&self, index: usize) -> &[u8; BLOCK_BYTES] {
        if const { C::FORMAT.table.is_some() } {
            &self.unpacked.integers[index % CHUNK]
        } else {
            self.codes(index).as_flattened().first_chunk().expect("eight lines")
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
fn store_floats(values: __m512, out: &mut [f32; LANES]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
}

impl<C: Codes> Tile<'_, C> {
    /// Takes blocks into the products of a panel, and unpacks them if it is the `FIRST`.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add_panel<const FIRST: bool>(&mut self, x: PanelI8<'_>, out: &mut [Products]) {
        match x.vectors {
            1 => self.add_panel_n::<1, FIRST>(x, out),
            2 => self.add_panel_n::<2, FIRST>(x, out),
            3 => self.add_panel_n::<3, FIRST>(x, out),
            4 => self.add_panel_n::<4, FIRST>(x, out),
            5 => self.add_panel_n::<5, FIRST>(x, out),
            6 => self.add_panel_n::<6, FIRST>(x, out),
            7 => self.add_panel_n::<7, FIRST>(x, out),
            8 => self.add_panel_n::<8, FIRST>(x, out),
            9 => self.add_panel_n::<9, FIRST>(x, out),
            10 => self.add_panel_n::<10, FIRST>(x, out),
            11 => self.add_panel_n::<11, FIRST>(x, out),
            12 => self.add_panel_n::<12, FIRST>(x, out),
            13 => self.add_panel_n::<13, FIRST>(x, out),
            14 => self.add_panel_n::<14, FIRST>(x, out),
            15 => self.add_panel_n::<15, FIRST>(x, out),
            _ => self.add_panel_n::<PANEL, FIRST>(x, out),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn add_panel_n<const N: usize, const FIRST: bool>(
        &mut self,
        x: PanelI8<'_>,
        out: &mut [Products],
    ) {
        let blocks = x.scales.as_chunks::<N>().0.len();
        let integers = x.values.as_chunks::<BLOCK>().0.as_chunks::<N>().0;
        let mut totals = [_mm512_setzero_ps(); N];
        for (total, out) in totals.iter_mut().zip(&*out) {
            // SAFETY: 64 bytes are there to be read.
            *total = unsafe { _mm512_loadu_ps(out.as_ptr()) };
        }
        if FIRST {
            (0..LEAD.min(blocks)).for_each(|index| self.unpack(index));
        }
        // Sums are on their way to memory while those before are scaled.
        let parts = const { C::FORMAT.scale.parts() };
        self.dot(0, &integers[0]);
        for step in 0..blocks * parts {
            let (index, part) = (step / parts, step % parts);
            if FIRST && part == 0 && index + LEAD < blocks {
                self.unpack(index + LEAD);
            }
            if step + 1 < blocks * parts {
                self.dot(step + 1, &integers[(step + 1) / parts]);
            }
            let ready = &self.unpacked.sums[step % 2];
            let scales = &self.unpacked.scales[index % CHUNK][part];
            // SAFETY: 64 bytes are there to be read, on a line of their own.
            let scales = unsafe { _mm512_load_ps(scales.as_ptr()) };
            let x_scales = &x.scales.as_chunks::<N>().0[index];
            for n in 0..N {
                // SAFETY: as above.
                let sum = unsafe { _mm512_load_si512(ready.0[n].as_ptr().cast()) };
                let scale = _mm512_mul_ps(scales, _mm512_set1_ps(x_scales[n]));
                totals[n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, totals[n]);
            }
            if const { C::FORMAT.offset.is_some() } && part + 1 == parts {
                let offsets = &self.unpacked.offsets[index % CHUNK];
                // SAFETY: as above.
                let offsets = unsafe { _mm512_load_ps(offsets.as_ptr()) };
                let x_sums = &x.sums.as_chunks::<N>().0[index];
                for n in 0..N {
                    let x_sum = f32::from(x_sums[n][0] + x_sums[n][1]);
                    let x_sum = _mm512_set1_ps(x_scales[n] * x_sum);
                    totals[n] = _mm512_fmadd_ps(offsets, x_sum, totals[n]);
                }
            }
        }
        for (total, out) in totals.into_iter().zip(out) {
            store_floats(total, out);
        }
    }
}

/// The instructions for the sums of a block in one register, by way of another.
macro_rules! dot {
    ($sums:tt, $x:tt, $from:expr, $weights:expr, $to:expr) => {
        asm!(
            concat!("tilezero ", $sums),
            concat!("tileloadd ", $x, ", [{x} + {x_stride}]"),
            "tileloadd tmm4, [{weights} + {stride}]",
            concat!("tdpbssd ", $sums, ", ", $x, ", tmm4"),
            concat!("tilestored [{sums} + {stride}], ", $sums),
            x = in(reg) $from,
            x_stride = in(reg) BLOCK,
            weights = in(reg) $weights,
            sums = in(reg) $to,
            stride = in(reg) LINE,
            out($sums) _, out($x) _, out("tmm4") _,
            options(nostack, preserves_flags),
        )
    };
}

impl<C: Codes> Tile<'_, C> {
    /// The sums of a part of a block: `N` vectors with 16 rows.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn dot<const N: usize>(&mut self, step: usize, x: &[[i8; BLOCK]; N]) {
        let parts = const { C::FORMAT.scale.parts() };
        let (index, start) = (step / parts, step % parts * (BLOCK / parts));
        let weights = self.integers(index)[LANES * start..].as_ptr();
        let x = x.as_flattened()[start..].as_ptr();
        let sums = self.unpacked.sums[step % 2].0.as_mut_ptr();
        // SAFETY: the registers have the shapes that `multiply` gave them, so from `x` a part of each
        // of `N` rows of 32 bytes is read, from `weights` a line for each four columns of the part,
        // and `N` rows of 64 bytes are written to `sums`.
        unsafe {
            if N == PANEL {
                dot!("tmm0", "tmm2", x, weights, sums);
            } else {
                dot!("tmm1", "tmm3", x, weights, sums);
            }
        }
    }
}
