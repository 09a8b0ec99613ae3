//! A matrix in FP8 is the matrix of its values: on every backend, in every form of scales, packed or
//! quantised while it is packed, bit for bit.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{Random, experts_of};
use half::{bf16, f16};
use proptest::prelude::*;
use proptest::sample::select;
use throng_ops::{
    Backend, Cpu, Isa, MatrixPart, MatrixSource, Naive, Precision, RowOrder, packed_bytes,
    packed_dtype,
};
use throng_spec::{DType, Layout, ScaleGrid};

/// The value of a code by the definition of E4M3.
fn value(code: u8) -> f32 {
    let (exponent, mantissa) = (i32::from(code >> 3 & 15), f32::from(code & 7));
    let magnitude = match exponent {
        0 => mantissa * 2f32.powi(-9),
        _ => (8.0 + mantissa) * 2f32.powi(exponent - 10),
    };
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// A matrix `[groups, rows, cols]` of random codes and scales.
struct Stored {
    shape: [usize; 3],
    codes: Vec<u8>,
    scales: Vec<u8>,
    grid: ScaleGrid,
    /// What it stands for.
    values: Vec<f32>,
}

impl Stored {
    fn random([groups, rows, cols]: [usize; 3], random: &mut Random) -> Self {
        let dtype = [DType::F32, DType::Bf16, DType::F16][random.below(3)];
        let (tall, wide) = (1 + random.below(rows), 1 + random.below(cols));
        let forms = [[rows, cols], [1, cols], [1, wide], [tall, wide]];
        let [grid_rows, grid_cols] = forms[random.below(4)];
        let grid = ScaleGrid { dtype, rows: grid_rows, cols: grid_cols };
        let [down, across] = [rows.div_ceil(grid_rows), cols.div_ceil(grid_cols)];
        let count = groups * down * across;
        // Of both signs, and never NaN.
        let code = |bits: u32| if bits & 0x7f == 0x7f { 0x7e } else { bits as u8 };
        let codes: Vec<u8> = (0..groups * rows * cols).map(|_| code(random.bits())).collect();
        let (mut scales, mut numbers) = (Vec::new(), Vec::new());
        for scale in random.values(count) {
            let half = (f16::from_f32(scale / 99.0), bf16::from_f32(scale / 99.0));
            match dtype {
                DType::F32 => scales.extend(scale.to_le_bytes()),
                DType::F16 => scales.extend(half.0.to_le_bytes()),
                _ => scales.extend(half.1.to_le_bytes()),
            }
            numbers.push(match dtype {
                DType::F32 => scale,
                DType::F16 => half.0.to_f32(),
                _ => half.1.to_f32(),
            });
        }
        let product = |i: usize| {
            let (group, row, col) = (i / (rows * cols), i / cols % rows, i % cols);
            let scale = (group * down + row / grid_rows) * across + col / grid_cols;
            value(codes[i]) * numbers[scale]
        };
        let values = (0..codes.len()).map(product).collect();
        Self { shape: [groups, rows, cols], codes, scales, grid, values }
    }

    fn part(&self) -> MatrixPart<'_> {
        let [groups, rows, _] = self.shape;
        let (data, scales, grid) = (&self.codes, &self.scales, Some(self.grid));
        MatrixPart { dtype: DType::Fp8, layout: Layout::Rows, groups, rows, data, scales, grid }
    }
}

fn check<B: Backend>(backend: &mut B, quantise: Option<DType>, seed: u64) {
    let mut random = Random::new(seed);
    let (groups, rows) = (1 + random.below(3), 2 * (1 + random.below(20)));
    let cols = if quantise.is_some() { 32 * (1 + random.below(4)) } else { 1 + random.below(90) };
    let stored = Stored::random([groups, rows, cols], &mut random);
    let x = random.values(5 * cols);
    let mut products = |part: MatrixPart<'_>, precision| {
        let (parts, order) = (&[part][..], RowOrder::Stacked);
        let source = MatrixSource { groups, cols, parts, order, bias: None, quantise };
        let matrix = backend.pack(&source, precision);
        experts_of(backend, &matrix, (groups, rows / 2), &x)
    };
    let (layout, scales, grid) = (Layout::Rows, &[][..], None);
    let data: Vec<u8> = stored.values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let dtype = DType::F32;
    let part = MatrixPart { dtype, layout, groups, rows, data: &data, scales, grid };
    let ours = products(stored.part(), Precision::Exact);
    assert_eq!(ours, products(part, Precision::Exact), "{quantise:?} of {:?}", stored.grid);
    let ours = products(stored.part(), Precision::Fast);
    // What is not quantised further becomes bf16 where products are fast.
    let bf16 = stored.values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes());
    let (data, dtype) = match quantise {
        Some(_) => (data, DType::F32),
        None => (bf16.collect(), DType::Bf16),
    };
    let part = MatrixPart { dtype, layout, groups, rows, data: &data, scales, grid };
    assert_eq!(ours, products(part, Precision::Fast), "{quantise:?} of {:?}", stored.grid);
}

#[test]
fn it_takes_the_memory_that_is_planned() {
    let mut random = Random::new(4);
    let shape @ [_, _, cols] = [1, 37, 300];
    let stored = Stored::random(shape, &mut random);
    let (parts, order) = (&[stored.part()][..], RowOrder::Stacked);
    let source = MatrixSource { groups: 1, cols, parts, order, bias: None, quantise: None };
    assert_eq!(source.bytes(), stored.codes.len() + stored.scales.len());
    for precision in [Precision::Exact, Precision::Fast] {
        let packed = Cpu::new(2, None).unwrap().pack(&source, precision);
        let dtype = packed_dtype([DType::Fp8].into_iter(), precision);
        assert_eq!(Some(packed.bytes()), packed_bytes(dtype, shape), "{precision:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn it_is_the_matrix_of_its_values(
        to in select(vec![None, Some(DType::Bf16), Some(DType::Q8_0), Some(DType::Mxfp4)]),
        seed: u64,
    ) {
        // Naive rounds nothing, whatever the precision.
        if to.is_some() {
            check(&mut Naive, to, seed);
        }
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            check(&mut Cpu::new(2, Some(isa)).unwrap(), to, seed);
        }
    }
}
