//! Profiles of a tiny model: all time goes somewhere, and counts are those made by hand.

use std::num::NonZeroUsize;

use throng_checkpoint::Checkpoint;
use throng_model::{KvBlocks, KvDtype, LoadOptions, Naive, Precision, Runner};
use throng_ops::{Operation, OperationClock, Timed};
use throng_spec::{ModelSpec, Quantisation};
use throng_testkit::{ScriptedRunner, TinyGptOss};

use super::*;
use crate::offline::{OfflineError, OfflinePlan};

fn plan() -> OfflinePlan {
    OfflinePlan {
        prompts: vec![40],
        users: vec![3, 1],
        context: 20,
        generate: 4,
        repeats: NonZeroUsize::new(2).unwrap(),
        chunk: NonZeroUsize::new(16).unwrap(),
    }
}

/// A tiny model: 64 wide, 4 layers of which the first and the third have a window of 16, 8 query
/// heads and 2 KV heads of 16, 4 of 8 experts 96 wide, 272 tokens; all of it in f32.
fn model() -> (Box<dyn Runner>, OperationClock) {
    let checkpoint = Checkpoint::embedded(&TinyGptOss::default().embedded()).unwrap();
    let backend = Timed::new(Naive);
    let clock = backend.clock();
    let options = LoadOptions {
        threads: 1,
        precision: Precision::Exact,
        quantisation: Quantisation::default(),
        kv_dtype: KvDtype::F32,
        isa: None,
        kv_blocks: KvBlocks { full: 12, window: 12 },
        step_tokens: 16,
    };
    let runner = throng_model::load_with(backend, &checkpoint, options, &mut |_| {}).unwrap();
    (runner, clock)
}

/// Bytes and multiply-accumulates of an operation in all profiled steps.
fn counted(profile: &StepProfile, operation: Operation) -> (u64, u64) {
    let work = profile.operations.of(operation);
    (work.bytes, work.macs.total())
}

/// Bytes of a matrix in f32 and its biases, and multiply-accumulates of a vector with it.
const fn matrix(rows: u64, cols: u64) -> (u64, u64) {
    ((rows * cols + rows) * 4, rows * cols)
}

#[test]
fn all_time_of_decoding_goes_somewhere() {
    let (mut runner, clock) = model();
    let mut steps = Vec::new();
    let profiles = profile_steps(runner.as_mut(), &plan(), &clock, 1, &mut |done, all| {
        steps.push((done, all));
    })
    .unwrap();
    assert_eq!(steps, (1..=24).map(|done| (done, 24)).collect::<Vec<_>>());
    let cases: Vec<_> = profiles.iter().map(|p| (p.case, p.steps)).collect();
    assert_eq!(cases, [(Case::Decode { users: 3 }, 8), (Case::Decode { users: 1 }, 8)]);
    for profile in profiles {
        let times = Operation::ALL.map(|operation| profile.operations.of(operation).time);
        assert!(times.iter().all(|time| !time.is_zero()), "{profile:?}");
        let sum = times.iter().sum::<Duration>() + profile.rest();
        assert_eq!(sum + profile.sampling + profile.scheduling, profile.total());
    }
}

#[test]
fn counts_of_decoding_are_those_made_by_hand() {
    let (mut runner, clock) = model();
    let profiles = profile_steps(runner.as_mut(), &plan(), &clock, 1, &mut |_, _| {}).unwrap();
    let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
    let (steps, layers) = (8, 4);
    for (profile, users) in profiles.iter().zip([3, 1]) {
        for (operation, rows, cols, times) in [
            (Operation::Qkv, (8 + 2 * 2) * 16, 64, layers),
            (Operation::Output, 64, 8 * 16, layers),
            (Operation::Router, 8, 64, layers),
            (Operation::Head, 272, 64, 1),
        ] {
            let (bytes, macs) = matrix(rows, cols);
            let expected = (steps * times * bytes, steps * times * users * macs);
            assert_eq!(counted(profile, operation), expected, "{operation:?}");
        }
        // Positions 20 to 23, twice: a window's layer sees 16, another all up to there. Keys and
        // values of 2 heads of 16, in f32.
        let seen = 2 * 2 * (4 * 16 + (21 + 22 + 23 + 24));
        let attention = (users * seen * 2 * 32 * 4, users * seen * 2 * 128);
        assert_eq!(counted(profile, Operation::Attention), attention);
        for (operation, rows, cols) in [(Operation::MlpUp, 192, 64), (Operation::MlpDown, 64, 96)] {
            let (bytes, macs) = matrix(rows, cols);
            let (read, computed) = counted(profile, operation);
            assert_eq!(computed, steps * layers * users * 4 * macs, "{operation:?}");
            // One user goes to four experts in every layer, three go to four to eight.
            let experts = read / bytes;
            assert_eq!(read, experts * bytes, "{operation:?}: whole experts");
            let least = 4 * steps * layers;
            assert!(users > 1 && (least..=2 * least).contains(&experts) || experts == least);
        }
        for operation in [Operation::Norm, Operation::Rope] {
            assert_eq!(counted(profile, operation), (0, 0));
        }
        // What the shape says, counted elsewhere.
        let context: usize =
            [21, 22, 23, 24].map(|context| spec.attention_macs(context)).iter().sum();
        let shape = 2 * (4 * spec.linear_macs() + context) as u64;
        assert_eq!(profile.operations.total().macs.total(), users * shape);
    }
}

#[test]
fn counts_of_a_prompt_are_those_made_by_hand() {
    let (mut runner, clock) = model();
    let mut steps = Vec::new();
    let profiles = profile_prompts(runner.as_mut(), &plan(), &clock, &mut |done, all| {
        steps.push((done, all));
    })
    .unwrap();
    assert_eq!(steps, (1..=9).map(|done| (done, 9)).collect::<Vec<_>>());
    let [profile] = profiles[..] else { panic!("{profiles:?}") };
    assert_eq!((profile.case, profile.steps), (Case::Prefill { tokens: 40 }, 6));
    // Chunks of 16, 16 and 8, twice: each reads the matrix.
    let (bytes, macs) = matrix(192, 64);
    assert_eq!(counted(&profile, Operation::Qkv), (2 * 4 * 3 * bytes, 2 * 4 * 40 * macs));
    // One of 40 wants logits; the other chunks do not read the head.
    assert_eq!(counted(&profile, Operation::Head), (2 * matrix(272, 64).0, 2 * 272 * 64));
    // A layer without a window reads what is before the chunk and in it, one with a window of 16
    // also the 15 positions before; in both a token sees what it sees.
    let read = (16 + 32 + 40) + (16 + 31 + 23);
    let seen = 40 * 41 / 2 + (16 * 17 / 2 + 24 * 16);
    let attention = (2 * 2 * read * 2 * 32 * 4, 2 * 2 * seen * 2 * 128);
    assert_eq!(counted(&profile, Operation::Attention), attention);
    assert_eq!((profile.sampling, profile.scheduling), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn users_who_are_never_there_together_are_an_error() {
    let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
    let blocks = KvBlocks { full: 32 * 8, window: 32 * 8 };
    let mut runner = ScriptedRunner::new(spec, blocks);
    // The first of them has reached the context's end before the last one's prompt is read.
    let plan = OfflinePlan { users: vec![8], context: 500, generate: 12, ..plan() };
    let error = profile_steps(&mut runner, &plan, &OperationClock::default(), 1, &mut |_, _| {})
        .unwrap_err();
    assert!(matches!(error, OfflineError::Crowded { users: 8 }), "{error}");
}
