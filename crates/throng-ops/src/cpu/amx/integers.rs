//! Products of small integers. A block of 32 columns is one instruction for 16 rows and 16 vectors;
//! its sums go through memory to the vector registers, where they are scaled and added up.

use std::arch::asm;
use std::arch::x86_64::*;

use super::tiles::{self, Shape};
use crate::cpu::avx512::{self, load_block, look_up, prefetch};
use crate::cpu::integers::{Codes, LINE, TileIntegers};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, PanelI8, PanelsI8};

/// Vectors from which on this is faster than the instructions for dot products.
const LEAST: usize = 7;

/// Blocks that are unpacked at a time: 8 KiB, which stay in the first-level cache while all panels
/// pass by.
const CHUNK: usize = 16;

/// Bytes of a block's integers.
const BLOCK_BYTES: usize = LANES * BLOCK;

/// A chunk of a tile of weights as its instruction takes it.
#[repr(align(64))]
struct Unpacked {
    integers: [[i8; BLOCK_BYTES]; CHUNK],
    scales: [[f32; LANES]; CHUNK],
    offsets: [[f32; LANES]; CHUNK],
}

/// A block's sums, row by row, for each of up to [`PANEL`] vectors.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Sums([[i32; LANES]; PANEL]);

/// See `IntegersFn`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply<C: Codes>(weights: TileIntegers<'_>, x: PanelsI8<'_>, out: &mut [Products]) {
    if x.values.vectors() < LEAST {
        return avx512::multiply::<C>(weights, x, out);
    }
    let rest = x.values.vectors() % PANEL;
    let last = if rest == 0 { PANEL } else { rest };
    let [full_sums, last_sums] = [PANEL, last].map(|rows| Shape { rows, bytes: LINE });
    let [full_x, last_x] = [PANEL, last].map(|rows| Shape { rows, bytes: BLOCK });
    let rows = Shape { rows: BLOCK / 4, bytes: LINE };
    // SAFETY: this kernel is in the table of machines with AMX alone.
    unsafe { tiles::shape([full_sums, last_sums, full_x, last_x, rows, rows, rows, rows]) };
    out.fill([0.0; LANES]);
    let blocks = weights.codes.len() / (const { C::FORMAT.lines() } * LINE);
    let mut unpacked = Unpacked {
        integers: [[0; BLOCK_BYTES]; CHUNK],
        scales: [[0.0; LANES]; CHUNK],
        offsets: [[0.0; LANES]; CHUNK],
    };
    for first in (0..blocks).step_by(CHUNK) {
        let count = CHUNK.min(blocks - first);
        unpack::<C>(weights, first, count, &mut unpacked);
        for (panel, out) in x.iter().zip(out.chunks_mut(PANEL)) {
            add_panel::<C>(&unpacked, panel.blocks(first, count), out);
        }
    }
}

impl<'a> PanelI8<'a> {
    /// `count` blocks from one on.
    fn blocks(self, first: usize, count: usize) -> Self {
        let (start, end) = (first * self.vectors, (first + count) * self.vectors);
        Self {
            values: &self.values[start * BLOCK..end * BLOCK],
            scales: &self.scales[start..end],
            sums: &self.sums[start..end],
            vectors: self.vectors,
        }
    }
}

/// Brings the codes of some blocks to integers, and scales and offsets to f32.
#[target_feature(enable = "avx512f,avx512bw")]
fn unpack<C: Codes>(weights: TileIntegers<'_>, first: usize, count: usize, out: &mut Unpacked) {
    let lines = const { C::FORMAT.lines() };
    let codes = &weights.codes.as_chunks::<LINE>().0[first * lines..(first + count) * lines];
    for (index, codes) in codes.chunks_exact(lines).enumerate() {
        prefetch::<CHUNK>(codes.as_flattened());
        let integers = out.integers[index].as_chunks_mut::<LINE>().0;
        match const { C::FORMAT.table } {
            Some(_) => {
                let table = const { &signed(C::FORMAT.table) };
                for (integers, line) in integers.as_chunks_mut::<2>().0.iter_mut().zip(codes) {
                    let [low, high] = look_up(line, table);
                    store_line(low, &mut integers[0]);
                    store_line(high, &mut integers[1]);
                }
            }
            None => {
                for (integers, line) in integers.iter_mut().zip(codes) {
                    *integers = line.map(|byte| byte as i8);
                }
            }
        }
        let (scales, offsets) = load_block::<C>(weights, first + index);
        store_floats(scales, &mut out.scales[index]);
        if let Some(offsets) = offsets {
            store_floats(offsets, &mut out.offsets[index]);
        }
    }
}

/// The bytes of a table's integers.
const fn signed(table: Option<[i8; 16]>) -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Some(table) = table {
        let mut code = 0;
        while code < 16 {
            bytes[code] = table[code] as u8;
            code += 1;
        }
    }
    bytes
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_line(integers: __m512i, out: &mut [i8; LINE]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), integers) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_floats(values: __m512, out: &mut [f32; LANES]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
}

/// Takes a chunk into the products of a panel.
#[target_feature(enable = "avx512f")]
fn add_panel<C: Codes>(weights: &Unpacked, x: PanelI8<'_>, out: &mut [Products]) {
    match x.vectors {
        1 => add_panel_n::<C, 1>(weights, x, out),
        2 => add_panel_n::<C, 2>(weights, x, out),
        3 => add_panel_n::<C, 3>(weights, x, out),
        4 => add_panel_n::<C, 4>(weights, x, out),
        5 => add_panel_n::<C, 5>(weights, x, out),
        6 => add_panel_n::<C, 6>(weights, x, out),
        7 => add_panel_n::<C, 7>(weights, x, out),
        8 => add_panel_n::<C, 8>(weights, x, out),
        9 => add_panel_n::<C, 9>(weights, x, out),
        10 => add_panel_n::<C, 10>(weights, x, out),
        11 => add_panel_n::<C, 11>(weights, x, out),
        12 => add_panel_n::<C, 12>(weights, x, out),
        13 => add_panel_n::<C, 13>(weights, x, out),
        14 => add_panel_n::<C, 14>(weights, x, out),
        15 => add_panel_n::<C, 15>(weights, x, out),
        _ => add_panel_n::<C, PANEL>(weights, x, out),
    }
}

#[target_feature(enable = "avx512f")]
fn add_panel_n<C: Codes, const N: usize>(weights: &Unpacked, x: PanelI8<'_>, out: &mut [Products]) {
    let blocks = x.scales.as_chunks::<N>().0.len();
    let integers = x.values.as_chunks::<BLOCK>().0.as_chunks::<N>().0;
    let mut totals = [_mm512_setzero_ps(); N];
    for (total, out) in totals.iter_mut().zip(&*out) {
        // SAFETY: 64 bytes are there to be read.
        *total = unsafe { _mm512_loadu_ps(out.as_ptr()) };
    }
    // The sums of a block are on their way to memory while those of the one before are scaled.
    let mut sums = [Sums([[0; LANES]; PANEL]); 2];
    dot(&integers[0], &weights.integers[0], &mut sums[0]);
    for index in 0..blocks {
        let next = (index + 1).min(blocks - 1);
        let [even, odd] = &mut sums;
        let (ready, other) = if index % 2 == 0 { (even, odd) } else { (odd, even) };
        dot(&integers[next], &weights.integers[next], other);
        // SAFETY: 64 bytes are there to be read.
        let scales = unsafe { _mm512_load_ps(weights.scales[index].as_ptr()) };
        let x_scales = &x.scales.as_chunks::<N>().0[index];
        for n in 0..N {
            // SAFETY: 64 bytes are there to be read, on a line of their own.
            let sum = unsafe { _mm512_load_si512(ready.0[n].as_ptr().cast()) };
            let scale = _mm512_mul_ps(scales, _mm512_set1_ps(x_scales[n]));
            totals[n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, totals[n]);
        }
        if const { C::FORMAT.offset } {
            // SAFETY: 64 bytes are there to be read.
            let offsets = unsafe { _mm512_load_ps(weights.offsets[index].as_ptr()) };
            let x_sums = &x.sums.as_chunks::<N>().0[index];
            for n in 0..N {
                let x_sum = _mm512_set1_ps(x_scales[n] * x_sums[n] as f32);
                totals[n] = _mm512_fmadd_ps(offsets, x_sum, totals[n]);
            }
        }
    }
    for (total, out) in totals.into_iter().zip(out) {
        store_floats(total, out);
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

/// The sums of a block: `N` vectors with 16 rows.
#[inline]
#[target_feature(enable = "avx512f")]
fn dot<const N: usize>(x: &[[i8; BLOCK]; N], weights: &[i8; BLOCK_BYTES], sums: &mut Sums) {
    let (x, weights, sums) = (x.as_ptr(), weights.as_ptr(), sums.0.as_mut_ptr());
    // SAFETY: the registers have the shapes that `multiply` gave them, so `N` rows of 32 bytes are
    // read from `x`, 8 of 64 from `weights`, and `N` rows of 64 written to `sums`.
    unsafe {
        if N == PANEL {
            dot!("tmm0", "tmm2", x, weights, sums);
        } else {
            dot!("tmm1", "tmm3", x, weights, sums);
        }
    }
}
