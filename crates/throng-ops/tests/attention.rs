//! Attention on every instruction set against the oracle, and against itself: what a token gets is
//! the same alone, in company, on any number of threads and in any chunks, bit for bit, and nothing
//! that it does not see reaches it.

mod common;

use std::cell::RefCell;

use common::{POOL_BLOCKS, Random, Sequence, attend, error, rounded_to_bf16};
use proptest::prelude::*;
use throng_ops::{Attention, BLOCK_TOKENS, Cpu, CpuError, Isa, Naive, Precision};
use throng_spec::{Heads, KvDtype};

const CASES: u32 = 32;

/// The largest error relative to the size of the results where nothing is rounded but to f32.
const EXACT: f32 = 2e-5;

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

/// How keys and values are kept, and what products with them are made in.
fn kept() -> impl Strategy<Value = (KvDtype, Precision)> {
    let precision = prop_oneof![Just(Precision::Exact), Just(Precision::Fast)];
    (proptest::sample::select(&KvDtype::ALL[..]), precision)
}

/// Groups of heads that fill a tile with many tokens, with one, and that take several tiles; widths
/// that fill vectors and AMX tiles, and that do not.
fn heads() -> impl Strategy<Value = Heads> {
    let group = prop_oneof![8 => 1..=9usize, 1 => Just(17), 1 => Just(70)];
    let half = prop_oneof![3 => 1..=20usize, 1 => Just(16), 2 => Just(32), 1 => Just(64)];
    let sizes = (1..=3usize, group, half);
    sizes.prop_map(|(kv, group, half)| Heads { query: kv * group, kv, dim: 2 * half })
}

fn window() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), (1..60usize).prop_map(Some), (60..150usize).prop_map(Some)]
}

fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![1..40usize, 40..200usize]
}

/// The largest error relative to the size of the results where weights are rounded to bf16: each by
/// up to 1 in 512, and what they multiply may be several times as large as their sum. The worst of
/// 1,500 sequences had 0.009.
const ROUNDED: f32 = 0.02;

/// Rounds queries where products are of bf16; the oracle rounds what it keeps as everyone does. Gives
/// the largest error that is left.
fn round(sequence: &mut Sequence, isa: Isa, (dtype, precision): (KvDtype, Precision)) -> f32 {
    let Attention { heads, .. } = sequence.attention;
    let is_whole = isa == Isa::Avx512Amx && heads.dim.is_multiple_of(32);
    if !is_whole || precision == Precision::Exact || dtype == KvDtype::F32 {
        return EXACT;
    }
    for qkv in sequence.qkv.chunks_mut(sequence.attention.qkv_width()) {
        let queries = &mut qkv[..heads.query_width()];
        let rounded = rounded_to_bf16(queries);
        queries.copy_from_slice(&rounded);
    }
    ROUNDED
}

fn it_matches_the_oracle_and_is_the_same_in_chunks_and_company(isa: Isa) {
    let Some(one) = cpu(isa, 1) else { return };
    let Some(three) = cpu(isa, 3) else { return };
    proptest!(config(), |(heads in heads(), window in window(), kept in kept(),
                         length in lengths(), other in lengths(), chunk in 1..90usize,
                         sinks: bool, seed: u64)| {
        let mut random = Random::new(seed);
        let one = &mut *one.borrow_mut();
        let three = &mut *three.borrow_mut();
        let (even, odd) = ((0..POOL_BLOCKS as u32).rev().step_by(2), (0..).step_by(2));
        let mut sequence = Sequence::random(heads, window, length, even, &mut random);
        let mut company = Sequence::random(heads, window, other, odd, &mut random);
        company.qkv[0] = f32::NAN;
        if !sinks {
            sequence.sinks.fill(f32::NEG_INFINITY);
        }
        let alone = attend(one, &[&sequence], kept, length);
        for chunk in [chunk, if length < 40 { 1 } else { 2 * chunk }] {
            let together = attend(three, &[&sequence, &company], kept, chunk);
            prop_assert_eq!(&alone[0], &together[0]);
        }
        let most = round(&mut sequence, isa, kept);
        let expected = attend(&mut Naive, &[&sequence], kept, length);
        let error = error(&alone[0], &expected[0]);
        prop_assert!(error < most, "error {error}");
    });
}

fn nothing_that_is_not_seen_reaches_a_result(isa: Isa) {
    let Some(cpu) = cpu(isa, 2) else { return };
    let bad = prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)];
    proptest!(config(), |(heads in heads(), window in window(), kept in kept(),
                         length in lengths(), chunk in 1..300usize, bad in bad, at: usize,
                         in_key: bool, seed: u64)| {
        let mut random = Random::new(seed);
        let cpu = &mut *cpu.borrow_mut();
        let blocks = (0..POOL_BLOCKS as u32).rev();
        let mut sequence = Sequence::random(heads, window, length, blocks, &mut random);
        let expected = attend(cpu, &[&sequence], kept, length).remove(0);
        // One dimension of one head's key or value of one token.
        let (at, attention) = (at % length, sequence.attention);
        let (head, d) = (random.below(heads.kv), random.below(heads.dim));
        let vector = heads.query + if in_key { 0 } else { heads.kv } + head;
        sequence.qkv[at * attention.qkv_width() + vector * heads.dim + d] = bad;
        let ours = attend(cpu, &[&sequence], kept, chunk).remove(0);
        let rows = ours.chunks(heads.dim).zip(expected.chunks(heads.dim)).enumerate();
        for (row, (ours, expected)) in rows {
            let (position, query) = (row / heads.query, row % heads.query);
            let sees = (attention.first_visible(position)..=position).contains(&at);
            if query / (heads.query / heads.kv) != head || !sees {
                prop_assert_eq!(ours, expected, "position {}, head {}", position, query);
            } else if !in_key {
                prop_assert!(!ours[d].is_finite(), "position {position}, head {query}");
            }
        }
    });
}

/// A row's softmax is relative to a score that may lag behind the highest, and sums are rescaled on
/// the way: scores that rise, fall and jump by hundreds must come to the same. (Higher ones would test f32: scores of a thousand are known to 1e-4.).
fn scores_may_jump(isa: Isa) {
    let Some(cpu) = cpu(isa, 2) else { return };
    let cpu = &mut *cpu.borrow_mut();
    let heads = Heads { query: 4, kv: 2, dim: 64 };
    for (case, jump) in [0.0f32, 0.3, 3.0, 10.0].into_iter().enumerate() {
        let mut random = Random::new(case as u64);
        let mut sequence = Sequence::random(heads, None, 500, 0..POOL_BLOCKS as u32, &mut random);
        let (width, query) = (sequence.attention.qkv_width(), heads.query_width());
        for (position, qkv) in sequence.qkv.chunks_mut(width).enumerate() {
            qkv[..query].iter_mut().for_each(|x| *x = rounded_to_bf16(&[*x])[0]);
            let height = (position / 37 % 5) as f32 * jump;
            qkv[query..query + 64].iter_mut().for_each(|x| *x *= height);
        }
        for dtype in KvDtype::ALL {
            for precision in [Precision::Exact, Precision::Fast] {
                let kept = (dtype, precision);
                let most = round(&mut sequence, isa, kept);
                let ours = attend(cpu, &[&sequence], kept, 100);
                let expected = attend(&mut Naive, &[&sequence], kept, 500);
                let error = error(&ours[0], &expected[0]);
                assert!(error < 5.0 * most, "{isa} {kept:?}, jumps of {jump}: error {error}");
            }
        }
    }
}

#[test]
fn the_pool_holds_the_sequences_of_these_tests() {
    assert!(200usize.div_ceil(BLOCK_TOKENS) * 2 <= POOL_BLOCKS);
}

/// The same tests for every instruction set.
macro_rules! for_each_isa {
    ($($module:ident: $isa:expr,)*) => {
        $(mod $module {
            use throng_ops::Isa;
            for_each_isa!(@tests $isa,
                it_matches_the_oracle_and_is_the_same_in_chunks_and_company
                nothing_that_is_not_seen_reaches_a_result
                scores_may_jump
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
