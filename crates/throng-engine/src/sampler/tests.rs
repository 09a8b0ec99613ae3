//! The sampler against the oracle, and the oracle's parts against what they stand for.

use proptest::prelude::*;

use super::row::CHUNK;
use super::*;
use crate::penalties::{Occurrences, Penalties};

const LOGITS: [f32; 5] = [0.0, 2.0, 1.0, 2.0, -1.0];

/// Draws token `index` of an answer.
fn sample(logits: &[f32], sampling: &Sampling, index: u64) -> u32 {
    sample_after(logits, sampling, index, History::default())
}

/// The same after what is said already.
fn sample_after(logits: &[f32], sampling: &Sampling, index: u64, history: History<'_>) -> u32 {
    let job = Job { logits, choice: Choice::Draw { sampling, index, history }, logprobs: None };
    Sampler::new(1).choose_all(&[job])[0].as_ref().unwrap().id
}

fn drawn(sampling: &Sampling, draws: u64) -> Vec<usize> {
    let mut counts = vec![0; LOGITS.len()];
    for index in 0..draws {
        counts[sample(&LOGITS, sampling, index) as usize] += 1;
    }
    counts
}

#[test]
fn zero_temperature_takes_the_first_of_the_best() {
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    assert_eq!(drawn(&greedy, 10), [0, 10, 0, 0, 0]);
}

#[test]
fn draws_follow_the_softmax() {
    let counts = drawn(&Sampling { temperature: 2.0, ..Sampling::default() }, 20_000);
    let weights = LOGITS.map(|logit| (logit / 2.0).exp());
    let total: f32 = weights.iter().sum();
    for (count, weight) in counts.iter().zip(weights) {
        let expected = weight / total;
        let seen = *count as f32 / 20_000.0;
        assert!((seen - expected).abs() < 0.015, "{seen} is far from {expected}");
    }
}

#[test]
fn filters_leave_what_they_should() {
    let support = |sampling| -> Vec<bool> {
        drawn(&sampling, 2_000).into_iter().map(|count| count > 0).collect()
    };
    let plain = Sampling { temperature: 1.0, ..Sampling::default() };
    assert_eq!(support(Sampling { top_k: 1, ..plain.clone() }), [false, true, false, false, false]);
    assert_eq!(support(Sampling { top_k: 2, ..plain.clone() }), [false, true, false, true, false]);
    // The two best have 0.40 each, the third 0.15.
    assert_eq!(
        support(Sampling { top_p: 0.3, ..plain.clone() }),
        [false, true, false, false, false]
    );
    assert_eq!(
        support(Sampling { top_p: 0.7, ..plain.clone() }),
        [false, true, false, true, false]
    );
    assert_eq!(support(Sampling { top_p: 0.9, ..plain.clone() }), [false, true, true, true, false]);
    assert_eq!(support(Sampling { min_p: 0.3, ..plain }), [false, true, true, true, false]);
}

/// The draw is the one that changed logits would give; the log-probabilities are the model's.
#[test]
fn what_a_request_changes_is_changed_before_the_draw() {
    let logits: Vec<f32> = (0..3 * CHUNK).map(|id| (id * id % 47) as f32 / 6.0 - 3.0).collect();
    let penalties = Penalties { repetition: 1.5, frequency: 0.25, presence: -1.0 };
    let mut occurrences = Occurrences::wanted(&penalties, &[5, 70, 5]).unwrap();
    let (answer, barred) = ([5, 130, 130, 9], [0, 100, 131, 9_999]);
    answer.iter().for_each(|&id| occurrences.add(id));
    let history = History { occurrences: Some(&occurrences), barred: &barred, allowed: None };
    let logit_bias: Vec<(u32, f32)> = vec![(5, 4.0), (8, -100.0), (129, 3.5), (131, 100.0)];

    let mut changed = logits.clone();
    for (id, logit) in (0..).zip(&mut changed) {
        *logit += logit_bias.iter().filter(|bias| bias.0 == id).map(|bias| bias.1).sum::<f32>();
        let count = answer.iter().filter(|&&said| said == id).count();
        if count > 0 || [5, 70].contains(&id) {
            *logit = if *logit > 0.0 { *logit / 1.5 } else { *logit * 1.5 };
        }
        *logit -= 0.25 * count as f32;
        *logit += if count > 0 { 1.0 } else { 0.0 };
        *logit = if barred.contains(&id) { -1e30 } else { *logit };
    }
    let hot = Sampling { temperature: 1.5, ..Sampling::default() };
    let cold = Sampling { temperature: 0.0, ..hot.clone() };
    for plain in [Sampling { top_k: 60, top_p: 0.9, min_p: 0.01, ..hot.clone() }, hot, cold] {
        let changing =
            Sampling { logit_bias: logit_bias.clone().into(), penalties, ..plain.clone() };
        for index in 0..200 {
            let id = sample_after(&logits, &changing, index, history);
            assert_eq!(id, sample(&changed, &plain, index), "{plain:?}");
            assert!(!barred.contains(&id));
        }
        let choice = Choice::Draw { sampling: &changing, index: 7, history };
        let job = Job { logits: &logits, choice, logprobs: Some(4) };
        let chosen = choose(&job, &mut Scratch::default()).unwrap();
        assert_eq!(chosen.logprobs, Some(logprobs(&logits, chosen.id, 4)));
    }
}

#[test]
fn draws_depend_on_seed_and_index_alone() {
    let draws = |seed| -> Vec<u32> {
        let sampling = Sampling { seed, ..Sampling::default() };
        (0..64).map(|index| sample(&LOGITS, &sampling, index)).collect()
    };
    assert_eq!(draws(1), draws(1));
    assert_ne!(draws(1), draws(2));
}

#[test]
fn logprobs_are_those_of_the_softmax() {
    let all = logprobs(&LOGITS, 2, 9);
    assert_eq!(all.rank, 2);
    assert_eq!(all.top.iter().map(|&(id, _)| id).collect::<Vec<_>>(), [1, 3, 2, 0, 4]);
    let sum: f32 = all.top.iter().map(|&(_, logprob)| logprob.exp()).sum();
    assert!((sum - 1.0).abs() < 1e-6);
    assert_eq!(all.logprob, all.top[2].1);
    assert!(logprobs(&LOGITS, 2, 0).top.is_empty());
}

/// Logits of one row: few values and many ties, or spread so that a few tokens have it all, or
/// nearly equal; sizes about those of chunks.
fn rows() -> impl Strategy<Value = Vec<f32>> {
    let sizes = prop_oneof![1_usize..4, 60..70_usize, 120..1_500_usize];
    let spreads = prop_oneof![Just(0.0_f32), Just(1e-4), Just(1.0), Just(6.0), Just(60.0)];
    let steps = prop_oneof![Just(0.0_f32), Just(0.5)];
    (sizes, spreads, steps, -50.0_f32..50.0, any::<u64>()).prop_map(
        |(size, spread, step, middle, seed)| {
            let noise = |i| Stream::new(seed, i).below(1 << 24) as f32 / (1 << 23) as f32 - 1.0;
            let logit = |i| {
                // A cube has a long tail.
                let logit = noise(i).powi(3) * spread + middle;
                if step > 0.0 { (logit / step).round() * step } else { logit }
            };
            (0..size as u64).map(logit).collect()
        },
    )
}

fn samplings() -> impl Strategy<Value = Sampling> {
    (
        prop_oneof![Just(0.0_f32), Just(1.0), 0.01_f32..3.0, Just(100.0), Just(1e-30)],
        prop_oneof![Just(0_usize), 1..100_usize, Just(1_000)],
        prop_oneof![Just(1.0_f32), 0.01_f32..1.0, Just(f32::MIN_POSITIVE), Just(0.999_999)],
        prop_oneof![Just(0.0_f32), 0.0_f32..1.0, Just(1.0)],
        any::<u64>(),
    )
        .prop_map(|(temperature, top_k, top_p, min_p, seed)| Sampling {
            temperature,
            top_k,
            top_p,
            min_p,
            seed,
            ..Sampling::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn tokens_are_the_oracles(logits in rows(), sampling in samplings()) {
        for index in 0..8 {
            let expected = oracle::sample(&logits, &sampling, index);
            prop_assert_eq!(sample(&logits, &sampling, index), expected);
        }
    }

    #[test]
    fn logprobs_are_the_oracles(logits in rows(), sampling in samplings(), top in 0_usize..90) {
        let history = History::default();
        let choice = Choice::Draw { sampling: &sampling, index: 3, history };
        let job = Job { logits: &logits, choice, logprobs: Some(top) };
        let chosen = choose(&job, &mut Scratch::default()).unwrap();
        let scored = chosen.logprobs.unwrap();
        let expected = oracle::logprobs(&logits, chosen.id, top);
        prop_assert_eq!(scored.rank, expected.rank);
        prop_assert_eq!(scored.top.len(), expected.top.len());
        let all = [(chosen.id, scored.logprob)].into_iter().chain(scored.top.iter().copied());
        let others = [(chosen.id, expected.logprob)].into_iter().chain(expected.top);
        for ((id, logprob), (expected_id, expected)) in all.zip(others) {
            prop_assert_eq!(id, expected_id);
            let error = (logprob - expected).abs();
            prop_assert!(error <= 3e-7 * expected.abs().max(1.0), "{} for {}", logprob, expected);
        }
    }
}

/// Frequencies are those of the softmax, in f64 and by the system's exponential, of the tokens that
/// the filters leave. Several chunks, the last one short; probable tokens in all.
#[test]
fn frequencies_are_the_softmaxs() {
    let logits: Vec<f32> = (0..3 * CHUNK + 7).map(|id| (id * id % 47) as f32 / 6.0).collect();
    let plain = Sampling { temperature: 1.3, ..Sampling::default() };
    let cases = [
        (plain.clone(), logits.len()),
        (Sampling { top_k: 9, ..plain.clone() }, 9),
        (Sampling { top_k: 100, temperature: 3.0, ..plain }, 100),
    ];
    for (sampling, count) in cases {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
        let weight = |id: usize| (f64::from(logits[id]) / f64::from(sampling.temperature)).exp();
        let total: f64 = order[..count].iter().map(|&id| weight(id)).sum();
        let draws = 100_000;
        let mut counts = vec![0; logits.len()];
        for index in 0..draws {
            counts[sample(&logits, &sampling, index) as usize] += 1;
        }
        assert!(order[count..].iter().all(|&id| counts[id] == 0), "{sampling:?}");
        // Of so many degrees of freedom: mean and standard deviation of chi squared.
        let (mean, deviation) = ((count - 1) as f64, (2.0 * (count - 1) as f64).sqrt());
        let chi_squared: f64 = order[..count]
            .iter()
            .map(|&id| {
                let expected = weight(id) / total * draws as f64;
                (f64::from(counts[id]) - expected).powi(2) / expected
            })
            .sum();
        assert!((chi_squared - mean).abs() < 4.0 * deviation, "{chi_squared} of {mean}");
    }
}

#[test]
fn threads_change_nothing_and_a_row_that_is_not_finite_costs_itself_alone() {
    // Large enough that there is work for eight threads.
    let (vocab, rows) = (150_001, 30);
    let mut logits: Vec<Vec<f32>> = (0..rows)
        .map(|row| {
            (0..vocab)
                .map(|i| Stream::new(row, i).below(1 << 20) as f32 / (1 << 16) as f32)
                .collect()
        })
        .collect();
    logits[3][70_000] = f32::NAN;
    logits[9][150_000] = f32::NEG_INFINITY;
    logits[11][0] = f32::INFINITY;
    let plain = Sampling::default();
    let samplings = [
        plain.clone(),
        Sampling { temperature: 0.0, ..plain.clone() },
        Sampling { top_p: 0.8, ..plain.clone() },
        Sampling { top_k: 40, min_p: 0.1, ..plain },
    ];
    let jobs: Vec<Job<'_>> = (0..)
        .zip(&logits)
        .map(|(row, logits)| {
            let sampling = &samplings[row % samplings.len()];
            let choice = match row % 5 {
                0 => Choice::Given(row as u32),
                _ => Choice::Draw { sampling, index: row as u64, history: History::default() },
            };
            Job { logits, choice, logprobs: (row % 3 == 0).then_some(row) }
        })
        .collect();
    let alone = Sampler::new(1).choose_all(&jobs);
    let bad: Vec<usize> = (0..jobs.len()).filter(|&row| alone[row].is_none()).collect();
    assert_eq!(bad, [3, 9, 11]);
    for threads in [0, 2, 3, 8] {
        let mut sampler = Sampler::new(threads);
        assert_eq!(sampler.choose_all(&jobs), alone, "{threads} threads");
        assert_eq!(sampler.choose_all(&jobs[5..7]), alone[5..7], "with memory that was used");
    }
    assert_eq!(Sampler::new(2).choose_all(&[]), []);
}
