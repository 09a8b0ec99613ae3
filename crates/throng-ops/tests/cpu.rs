//! Every instruction set of the CPU backend against the oracle, and against itself: what one token
//! gets is the same alone, in company, on any number of threads and in any chunks, bit for bit.

mod common;

use std::cell::RefCell;

use common::{
    Random, Stored, angles, error, error_of_vectors, experts, linear, linear_of, rounded_to_bf16,
    whole_types,
};
use proptest::prelude::*;
use throng_ops::{Attention, Backend, Cpu, CpuError, Isa, Naive, Precision, Routes, packed_dtype};
use throng_spec::{Activation, DType, Heads, KvDtype, Mixture, Weighting};

const CASES: u32 = 48;

/// The largest error of a token's experts where activations are rounded to INT8 or bf16, relative to
/// the length of the result: rounding errors of up to 1 in 254 add up at random, twice. The worst of
/// 260,000 tokens of the heaviest-tailed kind had 0.052.
const ROUNDED: f32 = 0.1;

fn cpu(isa: Isa, threads: usize) -> Option<RefCell<Cpu>> {
    match Cpu::new(threads, Some(isa)) {
        Ok(cpu) => Some(RefCell::new(cpu)),
        Err(CpuError::Unsupported(_)) => {
            println!("this machine has no {isa}: not tested");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) }
}

fn dtype() -> impl Strategy<Value = DType> {
    proptest::sample::select(whole_types())
}

fn precision() -> impl Strategy<Value = Precision> {
    prop_oneof![Just(Precision::Exact), Just(Precision::Fast), Just(Precision::Fine)]
}

fn heads() -> impl Strategy<Value = Heads> {
    let sizes = (1..=3usize, prop_oneof![1..=9usize, Just(17)], 1..=20usize);
    sizes.prop_map(|(kv, group, half)| Heads { query: kv * group, kv, dim: 2 * half })
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::ClampedSwiGlu { alpha: 1.702, clamp: 1.5 }),
        Just(Activation::SwiGlu),
        Just(Activation::GeluTanh),
    ]
}

fn tolerance(precision: Precision) -> f32 {
    if precision == Precision::Exact { 2e-5 } else { ROUNDED }
}

fn weighting() -> impl Strategy<Value = Weighting> {
    prop_oneof![Just(Weighting::Chosen), Just(Weighting::All)]
}

fn rounded_to_i8(x: &[f32]) -> Vec<f32> {
    let blocks = x.chunks(32).flat_map(|block| {
        let max = block.iter().fold(0.0, |max: f32, x| max.max(x.abs()));
        block.iter().map(move |x| (x * (127.0 / max)).round_ties_even() * (max / 127.0))
    });
    blocks.collect()
}

/// To INT8, and what that leaves to INT8 again.
fn rounded_to_i8_twice(x: &[f32]) -> Vec<f32> {
    let first = rounded_to_i8(x);
    let rest: Vec<f32> = x.iter().zip(&first).map(|(x, first)| x - first).collect();
    first.iter().zip(rounded_to_i8(&rest)).map(|(first, rest)| first + rest).collect()
}

fn linear_matches_the_oracle(isa: Isa) {
    let Some(cpu) = cpu(isa, 2) else { return };
    proptest!(config(), |(dtype in dtype(), precision in precision(), rows in 1..70usize,
                         cols in 1..100usize, tokens in 1..20usize, seed: u64)| {
        let cols = match dtype.block_len() {
            1 => cols,
            block => block * cols.div_ceil(20),
        };
        let mut random = Random::new(seed);
        let cpu = &mut *cpu.borrow_mut();
        let stored = Stored::random(dtype, [1, rows, cols], &mut random);
        let x = random.values(tokens * cols);
        let ours = linear(cpu, &stored, precision, &x);
        let packed = packed_dtype([dtype].into_iter(), precision);
        let rounded = match (precision, packed) {
            (Precision::Fast | Precision::Fine, DType::Bf16) if isa >= Isa::Avx512Bf16 => rounded_to_bf16(&x),
            (Precision::Fine, DType::Q8_0) => rounded_to_i8_twice(&x),
            (Precision::Fast | Precision::Fine, dtype) if dtype.is_quantised() => rounded_to_i8(&x),
            _ => x,
        };
        let weights = if packed == DType::Bf16 { stored.in_bf16() } else { stored };
        let expected = linear(&mut Naive, &weights, Precision::Exact, &rounded);
        let error = error(&ours, &expected);
        prop_assert!(error < 2e-5, "error {error}");
    });
}

/// All codes at one end of their range and activations at one of theirs, the worst for sums that are
/// kept in 16 bits.
fn the_largest_integers_do_not_overflow(isa: Isa) {
    let Some(cpu) = cpu(isa, 1) else { return };
    let cpu = &mut *cpu.borrow_mut();
    for dtype in DType::ALL.into_iter().filter(|dtype| dtype.has_blocks()) {
        let mut random = Random::new(5);
        // Both ends of codes of 4 bits (7 is MXFP4's highest, f its lowest), and of 8.
        let bytes = [0x00, 0x77, 0x7f, 0x80, 0xff];
        for (byte, x) in bytes.into_iter().flat_map(|byte| [(byte, 1.0), (byte, -1.0)]) {
            let (rows, cols, tokens) = (16, 512, 9);
            let mut stored = Stored::random(dtype, [1, rows, cols], &mut random);
            stored.fill_codes(byte);
            let x = vec![x; tokens * cols];
            let ours = linear(cpu, &stored, Precision::Fast, &x);
            let expected = linear(&mut Naive, &stored, Precision::Exact, &x);
            let error = error(&ours, &expected);
            assert!(error < 1e-4, "{dtype} of {byte:#x}: error {error}");
        }
    }
}

fn a_token_is_multiplied_alike_alone_and_in_company(isa: Isa) {
    let Some(one) = cpu(isa, 1) else { return };
    let Some(three) = cpu(isa, 3) else { return };
    // From one token to more than are multiplied at once.
    let tokens = prop_oneof![3 => 1..20usize, 3 => 1..150usize, 1 => 250..300usize];
    // Few blocks of 32 columns, and more than are unpacked at once, even and odd.
    let blocks = prop_oneof![Just(1usize), Just(3), Just(33), Just(40)];
    proptest!(config(), |(dtype in dtype(), precision in precision(), rows in 1..700usize,
                         tokens in tokens, blocks in blocks, seed: u64)| {
        let mut random = Random::new(seed);
        let one = &mut *one.borrow_mut();
        let three = &mut *three.borrow_mut();
        let cols = match dtype.block_len() {
            1 => 96,
            block => (32 * blocks).next_multiple_of(block),
        };
        let stored = Stored::random(dtype, [1, rows, cols], &mut random);
        let x = random.values(tokens * cols);
        let together = linear(three, &stored, precision, &x);
        let matrix = stored.pack(one, precision);
        for (x, together) in x.chunks(cols).zip(together.chunks(rows)) {
            prop_assert_eq!(&linear_of(one, &matrix, rows, (x, 1))[..], together);
        }
    });
}

fn experts_match_the_oracle_and_are_the_same_in_company(isa: Isa) {
    let Some(one) = cpu(isa, 1) else { return };
    let Some(three) = cpu(isa, 3) else { return };
    proptest!(config(), |(dtype in dtype(), precision in precision(), count in 1..6usize,
                         width in 1..4usize, tokens in 1..40usize, activation in activation(),
                         weighting in weighting(), seed: u64)| {
        let mut random = Random::new(seed);
        let one = &mut *one.borrow_mut();
        let three = &mut *three.borrow_mut();
        let [hidden, width] = [64, 32 * width].map(|n: usize| n.next_multiple_of(dtype.block_len()));
        let active = count.min(3);
        let up_rows = activation.inputs() * width;
        let up = Stored::random(dtype, [count, up_rows, hidden], &mut random);
        let down = Stored::random(dtype, [count, hidden, width], &mut random);
        let (x, logits) = (random.values(tokens * hidden), random.values(tokens * count));
        let matrices = (&up, &down);
        let mixture = Mixture { experts: count, active, weighting };
        let mut routes = Routes::default();
        routes.choose(&logits, mixture);
        let expected = experts(&mut Naive, matrices, (activation, Precision::Exact), &routes, &x);
        let together = experts(three, matrices, (activation, precision), &routes, &x);
        let error = error_of_vectors(&together, &expected, hidden);
        prop_assert!(error < tolerance(precision), "error {error}");
        for token in 0..tokens {
            routes.choose(&logits[token * count..][..count], mixture);
            let x = &x[token * hidden..][..hidden];
            let alone = experts(one, matrices, (activation, precision), &routes, x);
            prop_assert_eq!(&alone[..], &together[token * hidden..][..hidden]);
        }
    });
}

fn vectors_match_the_oracle(isa: Isa) {
    let Some(cpu) = cpu(isa, 2) else { return };
    proptest!(config(), |(width in 1..200usize, tokens in 1..20usize, heads in heads(), seed: u64)| {
        let mut random = Random::new(seed);
        let cpu = &mut *cpu.borrow_mut();
        let (x, weight) = (random.values(tokens * width), random.values(width));
        let (mut ours, mut expected) = (vec![0.0; tokens * width], vec![0.0; tokens * width]);
        cpu.rms_norm(tokens, &x, &weight, 1e-5, &mut ours);
        Naive.rms_norm(tokens, &x, &weight, 1e-5, &mut expected);
        prop_assert!(error(&ours, &expected) < 1e-5);

        let bias = random.values(width);
        let biased = [&weight, &bias];
        cpu.layer_norm(tokens, &x, biased.into(), 1e-5, &mut ours);
        Naive.layer_norm(tokens, &x, biased.into(), 1e-5, &mut expected);
        prop_assert!(error(&ours, &expected) < 1e-4);

        let attention = Attention { heads, window: None };
        let weights = [&random.values(heads.dim), &random.values(heads.dim)];
        let mut ours = random.values(tokens * attention.qkv_width());
        let mut expected = ours.clone();
        cpu.norm_heads(tokens, &attention, weights.into(), 1e-5, &mut ours);
        Naive.norm_heads(tokens, &attention, weights.into(), 1e-5, &mut expected);
        prop_assert!(error(&ours, &expected) < 1e-5);

        let angles = angles(tokens, heads.dim, &mut random);
        let mut ours = random.values(tokens * attention.qkv_width());
        let mut expected = ours.clone();
        cpu.rope(&attention, &angles, &mut ours);
        Naive.rope(&attention, &angles, &mut expected);
        prop_assert!(error(&ours, &expected) < 1e-5);

        let stored = Stored::random(DType::Bf16, [1, 50, width], &mut random);
        let ids: Vec<u32> = (0..tokens).map(|_| random.below(50) as u32).collect();
        let (mut ours, mut expected) = (vec![0.0; tokens * width], vec![0.0; tokens * width]);
        let table = stored.pack(cpu, Precision::Fast);
        cpu.embed(&table, &ids, &mut ours);
        Naive.embed(&stored.pack(&mut Naive, Precision::Fast), &ids, &mut expected);
        prop_assert_eq!(&ours, &expected);
        cpu.embed_add(&table, &ids, &mut ours);
        Naive.embed_add(&stored.pack(&mut Naive, Precision::Fast), &ids, &mut expected);
        prop_assert_eq!(ours, expected);
    });
}

/// The same tests for every instruction set.
macro_rules! for_each_isa {
    ($($module:ident: $isa:expr,)*) => {
        $(mod $module {
            use throng_ops::Isa;
            for_each_isa!(@tests $isa,
                linear_matches_the_oracle
                the_largest_integers_do_not_overflow
                a_token_is_multiplied_alike_alone_and_in_company
                experts_match_the_oracle_and_are_the_same_in_company
                vectors_match_the_oracle
            );
        })*
    };
    (@tests $isa:expr, $($test:ident)*) => {
        $(#[test] fn $test() { super::$test($isa); })*
    };
}

for_each_isa! {
    scalar: Isa::Scalar,
    avx2: Isa::Avx2,
    avx512: Isa::Avx512,
    avx512_bf16: Isa::Avx512Bf16,
    avx512_amx: Isa::Avx512Amx,
}

#[test]
fn what_cannot_be_had_is_an_error() {
    assert_eq!(Cpu::new(0, None).unwrap_err(), CpuError::Threads(0));
    assert_eq!(Cpu::new(usize::MAX, None).unwrap_err(), CpuError::Threads(usize::MAX));
    for isa in Isa::ALL {
        let refused = Cpu::new(1, Some(isa)).is_err();
        assert_eq!(refused, !isa.is_supported(), "{isa}");
    }
    let heads = Heads { query: 1, kv: 1, dim: 64 };
    for dtype in KvDtype::ALL {
        let mut cpu = Cpu::new(1, None).unwrap();
        assert!(cpu.kv_pool(heads, usize::MAX / 2, dtype, Precision::Fast).is_err());
        // What can be counted and not be had.
        assert!(cpu.kv_pool(heads, 1 << 45, dtype, Precision::Fast).is_err());
    }
}
