//! Products of small integers. A block of 32 columns, or each of its halves if these have scales of
//! their own, is one instruction for 16 rows and 16 vectors; its sums go through memory to the vector
//! registers, where they are scaled and added up.
//!
//! While matrix instructions run, the second of the two units for vectors multiplies and converts
//! nothing, but it adds. So sums become f32 by two additions.

mod dots;
mod unpacked;

use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;

use self::dots::{Dots, end, shape};
use self::unpacked::{BLOCK_BYTES, Blocks, CHUNK, Unpacked, load_floats, store_floats};
use crate::cpu::avx512;
use crate::cpu::integers::{Codes, LINE, TileIntegers};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, PanelI8, PanelsI8};
use crate::cpu::portable::ROUND;

/// Vectors from which on this is faster than the instructions for dot products.
const LEAST: usize = 7;

/// What a thread keeps from product to product.
struct Kept {
    unpacked: Unpacked,
    /// Of a part of a block and of the one before.
    dots: [Dots; 2],
}

thread_local! {
    static KEPT: RefCell<Kept> = const {
        RefCell::new(Kept { unpacked: Unpacked::new(), dots: [Dots::new(); 2] })
    };
}

/// See `IntegersFn`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply<C: Codes>(weights: TileIntegers<'_>, x: PanelsI8<'_>, out: &mut [Products]) {
    let vectors = x.values.vectors();
    if vectors < LEAST {
        return avx512::multiply::<C>(weights, x, out);
    }
    let rest = vectors % PANEL;
    let last = if rest == 0 { PANEL } else { rest };
    shape(const { BLOCK / C::FORMAT.scale.parts() }, last);
    out.fill([0.0; LANES]);
    let blocks = weights.codes.len() / (const { C::FORMAT.lines() } * LINE);
    KEPT.with_borrow_mut(|Kept { unpacked, dots }| {
        for first in (0..blocks).step_by(CHUNK) {
            let chunk = first..blocks.min(first + CHUNK);
            let blocks = Blocks::<C>::unpack(weights, chunk.clone(), unpacked);
            for (index, (panel, out)) in x.iter().zip(out.chunks_mut(PANEL)).enumerate() {
                let panel = panel.blocks(chunk.clone());
                Meeting { blocks: &blocks, panel, dots, is_first: index == 0 }.add_to(out);
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

/// Blocks of a tile and of a panel.
struct Meeting<'a, C> {
    blocks: &'a Blocks<'a, C>,
    panel: PanelI8<'a>,
    /// What is made of two of their parts.
    dots: &'a mut [Dots; 2],
    /// Whether the tile's blocks meet their first panel: then what comes after them is asked for.
    is_first: bool,
}

impl<C: Codes> Meeting<'_, C> {
    /// Takes the blocks into the products of the tile with the panel.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add_to(self, out: &mut [Products]) {
        match self.panel.vectors {
            1 => self.add_to_n::<1>(out),
            2 => self.add_to_n::<2>(out),
            3 => self.add_to_n::<3>(out),
            4 => self.add_to_n::<4>(out),
            5 => self.add_to_n::<5>(out),
            6 => self.add_to_n::<6>(out),
            7 => self.add_to_n::<7>(out),
            8 => self.add_to_n::<8>(out),
            9 => self.add_to_n::<9>(out),
            10 => self.add_to_n::<10>(out),
            11 => self.add_to_n::<11>(out),
            12 => self.add_to_n::<12>(out),
            13 => self.add_to_n::<13>(out),
            14 => self.add_to_n::<14>(out),
            15 => self.add_to_n::<15>(out),
            _ => self.add_to_n::<PANEL>(out),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn add_to_n<const N: usize>(self, out: &mut [Products]) {
        let Self { blocks, panel, dots, is_first } = self;
        let parts = const { C::FORMAT.scale.parts() };
        // All of one length, which is checked here and not at each step.
        let integers = blocks.integers;
        let len = integers.len();
        let x = &panel.values.as_chunks::<BLOCK>().0.as_chunks::<N>().0[..len];
        let x_scales = &panel.scales.as_chunks::<N>().0[..len];
        let x_sums = &panel.sums.as_chunks::<N>().0[..len];
        let (scales, offsets) = (&blocks.scales[..len], &blocks.offsets[..len]);
        let out: &mut [Products; N] = out.first_chunk_mut().expect("products of the panel");
        let mut totals = [_mm512_setzero_ps(); N];
        for n in 0..N {
            totals[n] = load_floats(&out[n]);
        }
        let steps = len * parts;
        // At a step the sums of one part are on their way to memory, those of the part before are
        // scaled and those of the part behind are made.
        macro_rules! step {
            ($odd:literal, $step:expr) => {
                let step: usize = $step;
                if step + 1 < steps {
                    // SAFETY: `multiply` gave registers their shapes.
                    unsafe { begin::<C, N, { !$odd }>(step + 1, x, integers) };
                }
                if step < steps {
                    let (index, dots) = (step / parts, &mut dots[usize::from($odd)]);
                    if const { C::FORMAT.offset.is_some() } && step % parts + 1 == parts {
                        dots.sum_up(&x_scales[index], &x_sums[index]);
                    }
                    // SAFETY: it was begun a step before.
                    unsafe { end::<N, $odd>(dots) };
                    if is_first && step % parts == 0 {
                        blocks.prefetch(index);
                    }
                }
                if step > 0 && step - 1 < steps {
                    let (index, part) = ((step - 1) / parts, (step - 1) % parts);
                    let Dots { sums, x_sums } = &dots[usize::from(!$odd)];
                    let scales = load_floats(&scales[index][part]);
                    for n in 0..N {
                        totals[n] = add_sums(totals[n], &sums[n], scales, x_scales[index][n]);
                    }
                    if const { C::FORMAT.offset.is_some() } && part + 1 == parts {
                        let offsets = load_floats(&offsets[index]);
                        for n in 0..N {
                            let x_sum = _mm512_set1_ps(x_sums[n]);
                            totals[n] = _mm512_fmadd_ps(offsets, x_sum, totals[n]);
                        }
                    }
                }
            };
        }
        let mut even = 0;
        // SAFETY: `multiply` gave registers their shapes.
        unsafe { begin::<C, N, false>(0, x, integers) };
        while even <= steps {
            step!(false, even);
            step!(true, even + 1);
            even += 2;
        }
        for n in 0..N {
            store_floats(totals[n], &mut out[n]);
        }
    }
}

/// Begins the sums of a part of a block at an odd or at an even step: `N` vectors with 16 rows.
///
/// # Safety
/// Registers have the shapes that [`dots::shape`] gives them for this format and panel.
#[inline]
unsafe fn begin<C: Codes, const N: usize, const ODD: bool>(
    step: usize,
    x: &[[[i8; BLOCK]; N]],
    integers: &[[u8; BLOCK_BYTES]],
) {
    let parts = const { C::FORMAT.scale.parts() };
    let (index, start) = (step / parts, step % parts * (BLOCK / parts));
    let x = x[index].as_flattened()[start..].as_ptr();
    let integers = integers[index][LANES * start..].as_ptr();
    // SAFETY: registers have their shapes, as the caller promises. There are `N` rows of 32 columns,
    // of which the part's begin at `start`, and 16 bytes of weights for each column.
    unsafe { dots::begin::<N, ODD>(x, integers) };
}

/// Adds the sums of a part of a block for one vector, scaled, to its totals.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_sums(total: __m512, sums: &[i32; LANES], scales: __m512, x_scale: f32) -> __m512 {
    // SAFETY: 64 bytes are there to be read.
    let sums = unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) };
    let round = _mm512_set1_ps(ROUND);
    // Exact, since sums are below 2^22: they are 32 products of 8 bits by 7.
    let sums = _mm512_add_epi32(sums, _mm512_castps_si512(round));
    let sums = _mm512_sub_ps(_mm512_castsi512_ps(sums), round);
    _mm512_fmadd_ps(sums, _mm512_mul_ps(scales, _mm512_set1_ps(x_scale)), total)
}
