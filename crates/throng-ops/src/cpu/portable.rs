//! Loops that the compiler vectorises well, to be inlined into functions of each instruction set.
//!
//! They round the same on all of them: no multiplication is fused with an addition here.

use throng_spec::Activation;

use super::kernels::{LANES, Products};
use super::panels::{BLOCK, HalfSums, Lane};
use super::products::Joined;

/// Adding it to an f32 below 2^22 leaves the nearest integer in the low bits of the sum.
pub(crate) const ROUND: f32 = 12_582_912.0;

/// `e^x` within a few units in the last place, for x up to 88; 0 or nearly so below -87.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // By comparison and not by `clamp`, so that NaN stays NaN without a branch.
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    // x = n · ln 2 + r, with ln 2 in two parts so that the first product is exact.
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    // Taylor's series; |r| is at most 0.347, where the first term left out is 5e-9.
    let mut sum = 1.0 / 5040.0;
    for divisor in [720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0f32] {
        sum = sum * r + 1.0 / divisor;
    }
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127);
    sum * f32::from_bits(exponent << 23)
}

/// The blocks of a vector; the last is made in `room`, which is zeros, if it has fewer columns.
#[inline(always)]
pub(crate) fn padded_blocks<'a>(
    x: &'a [f32],
    room: &'a mut [f32; BLOCK],
) -> impl Iterator<Item = &'a [f32; BLOCK]> {
    let (blocks, rest) = x.as_chunks();
    room[..rest.len()].copy_from_slice(rest);
    let last = if rest.is_empty() { None } else { Some(&*room) };
    blocks.iter().chain(last)
}

/// Rounds to INT8 in blocks of 32 by the largest magnitude of each; see `PanelsI8`. Columns
/// that are missing in the last block are zeros.
#[inline(always)]
pub(crate) fn quantise(
    x: &[f32],
    lane: Lane,
    integers: &mut [i8],
    scales: &mut [f32],
    sums: &mut [HalfSums],
) {
    let outs = lane.blocks::<_, BLOCK>(integers);
    let outs = outs.zip(lane.blocks(scales).zip(lane.blocks(sums)));
    for (x, (integers, ([scale], [sum]))) in padded_blocks(x, &mut [0.0; BLOCK]).zip(outs) {
        (*scale, *sum) = quantise_block(x, integers);
    }
}

/// Gives the scale and the sums of the integers.
#[inline(always)]
fn quantise_block(x: &[f32; BLOCK], integers: &mut [i8; BLOCK]) -> (f32, HalfSums) {
    let mut lanes = [0.0f32; 8];
    for eight in x.as_chunks::<8>().0 {
        for (lane, x) in lanes.iter_mut().zip(eight) {
            *lane = if x.abs() > *lane { x.abs() } else { *lane };
        }
    }
    let max = lanes.iter().copied().fold(0.0, f32::max);
    let inverse = if max > 0.0 { 127.0 / max } else { 0.0 };
    for (integer, x) in integers.iter_mut().zip(x) {
        *integer = (x * inverse + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i8;
    }
    let halves = integers.as_chunks::<{ BLOCK / 2 }>().0;
    let sum = |half: usize| halves[half].iter().map(|&integer| i16::from(integer)).sum();
    (max / 127.0, [sum(0), sum(1)])
}

/// Rounds to bf16, to even where halfway. Columns that are missing in the last block are zeros.
#[inline(always)]
pub(crate) fn narrow(x: &[f32], lane: Lane, out: &mut [u16]) {
    let outs = lane.blocks::<_, BLOCK>(out);
    for (x, out) in padded_blocks(x, &mut [0.0; BLOCK]).zip(outs) {
        *out = x.map(narrow_one);
    }
}

/// Rounds one value to bf16.
#[inline(always)]
pub(crate) fn narrow_one(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    // Rounding could carry a NaN's payload over into infinity or zero.
    let quiet = (bits >> 16) | 0x40;
    (if x.is_nan() { quiet } else { rounded }) as u16
}

/// The value of a bf16.
#[inline(always)]
pub(crate) fn widen(x: u16) -> f32 {
    f32::from_bits(u32::from(x) << 16)
}

/// RMSNorm of one vector.
#[inline(always)]
pub(crate) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let scale = 1.0 / (sum(x, |x| x * x) / x.len() as f32 + epsilon).sqrt();
    for (out, (x, weight)) in out.iter_mut().zip(x.iter().zip(weight)) {
        *out = x * scale * weight;
    }
}

/// LayerNorm of one vector.
#[inline(always)]
pub(crate) fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]) {
    let mean = sum(x, |x| x) / x.len() as f32;
    let variance = sum(x, |x| (x - mean) * (x - mean)) / x.len() as f32;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for (out, (x, (weight, bias))) in out.iter_mut().zip(x.iter().zip(weight.iter().zip(bias))) {
        *out = (x - mean) * scale * weight + bias;
    }
}

/// Rotary position embedding of a token's heads, of which dimension i is paired with i + dim/2, by
/// angles with these cosines and sines.
#[inline(always)]
pub(crate) fn rotate(cos: &[f32], sin: &[f32], heads: &mut [f32]) {
    let half = cos.len();
    for head in heads.chunks_exact_mut(2 * half) {
        let (low, high) = head.split_at_mut(half);
        for ((low, high), (cos, sin)) in low.iter_mut().zip(high).zip(cos.iter().zip(sin)) {
            let (x, y) = (*low, *high);
            *low = x * cos - y * sin;
            *high = y * cos + x * sin;
        }
    }
}

/// The sum of a function of each value, in 16 lanes and what is left.
#[inline(always)]
fn sum(x: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (sixteens, rest) = x.as_chunks::<16>();
    for x in sixteens {
        for (lane, &x) in lanes.iter_mut().zip(x) {
            *lane += term(x);
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|&x| term(x)).sum::<f32>()
}

/// Adds a tile's biases to its products and puts the sums in one half of the joined ones.
#[inline(always)]
pub(crate) fn join(products: &[Products], bias: &Products, half: usize, joined: &mut [Joined]) {
    for (products, joined) in products.iter().zip(joined) {
        let joined = &mut joined.as_chunks_mut::<LANES>().0[half];
        *joined = std::array::from_fn(|lane| products[lane] + bias[lane]);
    }
}

/// Outputs of an activation that are made at once: a vector of the widest kind.
const WIDE: usize = 16;

/// What an activation makes of a projection's outputs; see [`Activation`].
#[inline(always)]
pub(crate) fn activate(activation: Activation, x: &[f32], out: &mut [f32]) {
    match activation {
        Activation::ClampedSwiGlu { alpha, clamp } => gated(x, out, |gate, up| {
            let gate = if gate > clamp { clamp } else { gate };
            let up = if up > clamp { clamp } else { up };
            let up = if up < -clamp { -clamp } else { up };
            gate / (1.0 + exp(-alpha * gate)) * (up + 1.0)
        }),
        Activation::SwiGlu => gated(x, out, |gate, up| gate / (1.0 + exp(-gate)) * up),
        Activation::GeluTanh => {
            // (1 + tanh(y)) / 2 is sigmoid(2y).
            const TWICE_SQRT: f32 = 2.0 * 0.797_884_6;
            for (out, &x) in out.iter_mut().zip(x) {
                let y = TWICE_SQRT * (x + 0.044_715 * x * x * x);
                *out = x / (1.0 + exp(-y));
            }
        }
    }
}

/// A function of gates and ups that alternate. Whole vectors of each come first: the compiler would
/// not part so few by itself.
#[inline(always)]
fn gated(x: &[f32], out: &mut [f32], function: impl Fn(f32, f32) -> f32) {
    let (vectors, rest) = x.as_chunks::<{ 2 * WIDE }>();
    let (outs, out_rest) = out.as_chunks_mut::<WIDE>();
    for (x, out) in vectors.iter().zip(outs) {
        let gates: [f32; WIDE] = std::array::from_fn(|i| x[2 * i]);
        let ups: [f32; WIDE] = std::array::from_fn(|i| x[2 * i + 1]);
        *out = std::array::from_fn(|i| function(gates[i], ups[i]));
    }
    for (out, &[gate, up]) in out_rest.iter_mut().zip(rest.as_chunks().0) {
        *out = function(gate, up);
    }
}

#[cfg(test)]
mod tests {
    use throng_spec::Activation;

    use super::{activate, exp, narrow_one, quantise};
    use crate::cpu::panels::Lane;

    #[test]
    fn exp_is_close_and_keeps_its_ends() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) - expected).abs() < 4e-7 * expected, "exp({x})");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn an_activation_is_the_same_in_a_vector_and_behind_the_last() {
        let x: Vec<f32> = (0..70).map(|i| (i * 37 % 64) as f32 * 0.3 - 9.6).collect();
        for activation in [Activation::SwiGlu, Activation::ClampedSwiGlu { alpha: 1.7, clamp: 7.0 }]
        {
            let (mut out, mut alone) = ([0.0f32; 35], [0.0f32; 35]);
            activate(activation, &x, &mut out);
            for (x, out) in x.chunks(2).zip(alone.chunks_mut(1)) {
                activate(activation, x, out);
            }
            assert_eq!(out.map(f32::to_bits), alone.map(f32::to_bits));
        }
    }

    #[test]
    fn narrowing_agrees_with_the_half_crate() {
        for i in 0..100_000u32 {
            let x = f32::from_bits(i.wrapping_mul(42_949) ^ (i << 9));
            let expected = half::bf16::from_f32(x);
            assert!(narrow_one(x) == expected.to_bits() || expected.is_nan(), "{x:e}");
            assert_eq!(half::bf16::from_bits(narrow_one(x)).is_nan(), x.is_nan());
        }
    }

    #[test]
    fn quantised_values_are_within_half_a_step() {
        let x: Vec<f32> = (0..50).map(|i| ((i * 37 % 64) as f32 - 31.0) * 0.37).collect();
        let (mut integers, mut scales, mut sums) = ([1i8; 192], [0.0; 6], [[0; 2]; 6]);
        let lane = Lane { index: 2, vectors: 3 };
        quantise(&x, lane, &mut integers, &mut scales, &mut sums);
        for (i, x) in x.iter().enumerate() {
            let (block, column) = (3 * (i / 32) + 2, i % 32);
            let (integer, step) = (integers[32 * block + column], scales[block]);
            assert!((f32::from(integer) * step - x).abs() <= step * 0.5001);
        }
        assert_eq!(integers[5 * 32 + 18..], [0; 14], "columns that are not there");
        assert_eq!(integers[..64], [1; 64], "another lane");
        let halves = [64..80, 80..96];
        let expected = halves.map(|half| integers[half].iter().map(|&q| i16::from(q)).sum::<i16>());
        assert_eq!(sums[2], expected);
    }

    #[test]
    fn a_block_of_zeros_stays_zero() {
        let (mut integers, mut scales, mut sums) = ([1i8; 32], [1.0; 1], [[1; 2]; 1]);
        let lane = Lane { index: 0, vectors: 1 };
        quantise(&[0.0; 32], lane, &mut integers, &mut scales, &mut sums);
        assert_eq!((integers, scales, sums), ([0; 32], [0.0], [[0; 2]]));
    }
}
