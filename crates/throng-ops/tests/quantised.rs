//! A matrix that is quantised while it is packed is the one that was quantised before, in every
//! layout, on every backend, bit for bit.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{Random, Stored, experts_of};
use proptest::prelude::*;
use proptest::sample::select;
use throng_ops::{Backend, Cpu, Isa, MatrixPart, MatrixSource, Naive, Precision, RowOrder};
use throng_spec::{DType, Layout};

const TYPES: [DType; 3] = [DType::Bf16, DType::Q8_0, DType::Mxfp4];

/// Products with a matrix of this part.
fn products<B: Backend>(
    backend: &mut B,
    stored: &Stored,
    (part, quantise): (MatrixPart<'_>, Option<DType>),
    (precision, x): (Precision, &[f32]),
) -> Vec<f32> {
    let source = MatrixSource {
        groups: stored.groups,
        cols: stored.cols,
        parts: &[part],
        order: RowOrder::Stacked,
        bias: Some(&stored.bias),
        quantise,
    };
    let matrix = backend.pack(&source, precision);
    experts_of(backend, &matrix, (stored.groups, stored.rows / 2), x)
}

fn check<B: Backend>(backend: &mut B, (from, to): (DType, DType), seed: u64) {
    let mut random = Random::new(seed);
    let (groups, rows) = (1 + random.below(3), 2 * (1 + random.below(20)));
    let cols = 32 * (1 + random.below(4));
    let stored = Stored::random(from, [groups, rows, cols], &mut random);
    let x = random.values(5 * cols);
    let before = stored.quantised(to);
    let gguf = before.in_gguf();
    for precision in [Precision::Exact, Precision::Fast] {
        let with = (precision, &x[..]);
        let expected = products(backend, &before, (before.part(), None), with);
        let ours = products(backend, &stored, (stored.part(), Some(to)), with);
        assert_eq!(ours, expected, "{from} to {to}, {precision:?}");
        let ours = products(backend, &gguf, (gguf.part(), None), with);
        assert_eq!(ours, expected, "{to} in GGUF's form, {precision:?}");
        let head = if rows % 4 == 0 { 4 } else { 2 };
        let paired = stored.with_rows(|at| at / head * head + at % 2 * (head / 2) + at % head / 2);
        let part = MatrixPart { layout: Layout::Pairs { head }, ..paired.part() };
        assert_eq!(products(backend, &paired, (part, Some(to)), with), expected, "in pairs");
    }
    if groups == 1 {
        let size = from.bytes(1);
        let value =
            |index: usize| &stored.data[index % rows * cols * size..][index / rows * size..];
        let data: Vec<u8> = (0..rows * cols).flat_map(|i| value(i)[..size].to_vec()).collect();
        let part =
            MatrixPart { layout: Layout::Columns { pitch: rows }, data: &data, ..stored.part() };
        let with = (Precision::Fast, &x[..]);
        let expected = products(backend, &before, (before.part(), None), with);
        assert_eq!(products(backend, &stored, (part, Some(to)), with), expected, "by columns");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn quantised_before_or_now(
        from in select(&[DType::F32, DType::F16, DType::Bf16][..]),
        to in select(&TYPES[..]),
        seed: u64,
    ) {
        check(&mut Naive, (from, to), seed);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            check(&mut Cpu::new(2, Some(isa)).unwrap(), (from, to), seed);
        }
    }
}
