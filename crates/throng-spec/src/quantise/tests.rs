//! Quantisation against a search through all codes and scales.

use half::f16;
use proptest::prelude::*;

use super::{BLOCK, E2M1, quantise};
use crate::dtype::DType;

/// Values and scales of a row, and how far off they are said to be.
fn quantised(to: DType, row: &[f32]) -> (Vec<u8>, Vec<u8>, f64) {
    let (mut values, mut scales) = (Vec::new(), Vec::new());
    let deviation = quantise(to, row, &mut values, &mut scales);
    (values, scales, deviation.squared_error)
}

fn int8_values(values: &[u8], scales: &[u8]) -> Vec<f32> {
    let blocks = values.chunks(BLOCK).zip(scales.as_chunks().0);
    let block = |(values, scale): (&[u8], &[u8; 2])| {
        let scale = f16::from_le_bytes(*scale).to_f32();
        values.iter().map(move |&byte| f32::from(byte as i8) * scale).collect::<Vec<_>>()
    };
    blocks.flat_map(block).collect()
}

/// 2 to the power that a scale of MXFP4 stands for.
fn power(scale: u8) -> f64 {
    2f64.powi(i32::from(scale) - 127)
}

fn mxfp4_values(values: &[u8], scales: &[u8]) -> Vec<f64> {
    let codes = values.iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let value = |(index, code): (usize, u8)| {
        let sign = if code & 8 == 0 { 1.0 } else { -1.0 };
        sign * E2M1[usize::from(code & 7)] * power(scales[index / BLOCK])
    };
    codes.enumerate().map(value).collect()
}

/// Squared error of the nearest values of a block that has this scale.
fn least_error(block: &[f32], scale: f64) -> f64 {
    let nearest = |value: &f32| {
        let errors = E2M1.map(|size| (size * scale - f64::from(value.abs())).powi(2));
        errors.into_iter().fold(f64::INFINITY, f64::min)
    };
    block.iter().map(nearest).sum()
}

/// Blocks of ordinary sizes, and of the largest and smallest that there are.
fn block() -> impl Strategy<Value = Vec<f32>> {
    let size = prop_oneof![Just(1.0f32), Just(0.02), Just(1e-7), Just(3e-39), Just(3e38)];
    (size, prop::collection::vec(-1.0f32..1.0, BLOCK))
        .prop_map(|(size, values)| values.into_iter().map(|value| value * size).collect())
}

#[test]
fn a_tie_goes_to_the_even_code() {
    let mut row = [0.0; BLOCK];
    row[..8].copy_from_slice(&[6.0, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0]);
    let (values, scales, _) = quantised(DType::Mxfp4, &row);
    assert_eq!(scales, [127]);
    assert_eq!(mxfp4_values(&values, &scales)[..8], [6.0, 0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0]);
    row[..8].copy_from_slice(&[127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -126.5, -127.0]);
    let (values, scales, _) = quantised(DType::Q8_0, &row);
    let expected = [127.0, 0.0, 2.0, 2.0, 0.0, -2.0, -126.0, -127.0];
    assert_eq!(int8_values(&values, &scales)[..8], expected);
}

#[test]
fn a_scale_is_doubled_where_clipping_costs_more() {
    let mut row = [0.0; BLOCK];
    row[0] = 7.9;
    assert_eq!(quantised(DType::Mxfp4, &row).1, [128]);
    // One that is clipped a little, and many that finer steps serve.
    row = [1.5; BLOCK];
    row[0] = 6.2;
    assert_eq!(quantised(DType::Mxfp4, &row).1, [127]);
}

#[test]
fn zeros_stay_and_what_is_no_number_shows() {
    for to in [DType::Q8_0, DType::Mxfp4] {
        let (values, scales, error) = quantised(to, &[0.0; BLOCK]);
        assert_eq!((error, values.iter().all(|&byte| byte == 0)), (0.0, true), "{to}");
        assert!(scales != [255] && !scales.is_empty());
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut row = [1.0; 2 * BLOCK];
            row[BLOCK + 7] = odd;
            let (values, scales, _) = quantised(to, &row);
            let values = match to {
                DType::Mxfp4 => {
                    assert_eq!(scales, [125, 255]);
                    continue;
                }
                _ => int8_values(&values, &scales),
            };
            assert!(values[..BLOCK].iter().all(|value| (value - 1.0).abs() < 1e-3), "{odd}");
            assert!(values[BLOCK..].iter().all(|value| value.is_nan()), "{odd}");
        }
    }
}

#[test]
fn the_nearest_bf16_is_taken() {
    let row = [1.0, 1.003, -2.71];
    let (values, scales, error) = quantised(DType::Bf16, &row);
    let expected: Vec<u8> =
        row.iter().flat_map(|&value| half::bf16::from_f32(value).to_le_bytes()).collect();
    assert_eq!((values, scales.len()), (expected, 0));
    assert!(error > 0.0 && error < 1e-4, "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn int8_is_within_half_a_step(row in block()) {
        let (values, scales, error) = quantised(DType::Q8_0, &row);
        let step = f64::from(f16::from_le_bytes([scales[0], scales[1]]).to_f32());
        let largest = row.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
        // Larger numbers than f16 has scales for are as near as can be.
        if f64::from(largest) <= 127.0 * 65504.0 {
            for (&value, ours) in row.iter().zip(int8_values(&values, &scales)) {
                let off = (f64::from(ours) - f64::from(value)).abs();
                prop_assert!(off <= 0.501 * step, "{value} is {ours} in steps of {step}");
            }
            prop_assert!(f64::from(largest) / 127.0 * 1.001 + 6e-8 >= step, "{step} is too large");
        }
        let off = row.iter().zip(int8_values(&values, &scales));
        let sum: f64 = off.map(|(&x, ours)| (f64::from(ours) - f64::from(x)).powi(2)).sum();
        prop_assert!((sum - error).abs() <= 1e-9 * sum, "{error} said, {sum} found");
    }

    #[test]
    fn mxfp4_is_the_nearest_with_the_better_of_two_scales(row in block()) {
        let (values, scales, error) = quantised(DType::Mxfp4, &row);
        let ours = mxfp4_values(&values, &scales);
        let found: f64 = row.iter().zip(&ours).map(|(&x, ours)| (ours - f64::from(x)).powi(2)).sum();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.max(b);
        prop_assert!(close(found, error), "{error} said, {found} found");
        prop_assert!(close(found, least_error(&row, power(scales[0]))), "not the nearest");
        // Of all scales there are.
        let all = (0..=254).map(|scale| least_error(&row, power(scale)));
        let least = all.fold(f64::INFINITY, f64::min);
        prop_assert!(found <= 1.2 * least, "{found} of {least}");
    }

    #[test]
    fn a_row_is_its_blocks(row in prop::collection::vec(-1.0f32..1.0, 3 * BLOCK)) {
        for to in [DType::Q8_0, DType::Mxfp4] {
            let whole = quantised(to, &row);
            let mut parts = (Vec::new(), Vec::new());
            for block in row.chunks(BLOCK) {
                quantise(to, block, &mut parts.0, &mut parts.1);
            }
            prop_assert_eq!((whole.0, whole.1), parts);
        }
    }
}
