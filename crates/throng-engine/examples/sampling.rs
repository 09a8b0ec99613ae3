//! What choosing tokens costs: microseconds a row, by what is asked and by the logits' spread.
//!
//! `cargo run --release -p throng-engine --example sampling [VOCAB [ROWS [THREADS]]]`

use std::time::Instant;

use throng_engine::{Choice, History, Job, Occurrences, Penalties, Sampler, Sampling};

/// Runs timed, after one that is not.
const RUNS: usize = 15;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse().ok());
    let vocab = numbers.next().unwrap_or(201_088);
    let rows = numbers.next().unwrap_or(16);
    let threads = numbers.next().unwrap_or(1);
    println!("microseconds a row: median (least - most) of {RUNS} runs");
    println!("{rows} rows of {vocab} logits, threads: {threads}");
    for deviation in [1.0, 3.0, 6.0] {
        println!("\nnormal logits, standard deviation {deviation}");
        let logits: Vec<Vec<f32>> =
            (0..rows as u64).map(|row| normal(vocab, deviation, row + 1)).collect();
        for (name, sampling, logprobs) in cases() {
            let occurrences = occurred(&sampling.penalties, vocab);
            let history = History { occurrences: occurrences.as_ref(), ..History::default() };
            let jobs: Vec<Job<'_>> = logits
                .iter()
                .map(|logits| Job {
                    logits,
                    choice: Choice::Draw { sampling: &sampling, index: 0, history },
                    logprobs,
                })
                .collect();
            println!("  {name:<28}{}", time(&jobs, threads));
        }
    }
}

fn cases() -> Vec<(&'static str, Sampling, Option<usize>)> {
    let plain = Sampling::default();
    let greedy = Sampling { temperature: 0.0, ..plain.clone() };
    let penalties = Penalties { repetition: 1.1, frequency: 0.5, presence: 0.5 };
    let nucleus = Sampling { top_p: 0.9, ..plain.clone() };
    vec![
        ("greedy", greedy.clone(), None),
        ("temperature 1", plain.clone(), None),
        ("temperature 0.7", Sampling { temperature: 0.7, ..plain.clone() }, None),
        ("top_p 0.9", nucleus.clone(), None),
        ("top_k 50", Sampling { top_k: 50, ..plain.clone() }, None),
        ("top_k 50, top_p 0.9", Sampling { top_k: 50, ..nucleus.clone() }, None),
        ("min_p 0.05", Sampling { min_p: 0.05, ..plain.clone() }, None),
        ("logit_bias", Sampling { logit_bias: [(7, 5.0)].into(), ..plain.clone() }, None),
        ("penalties on 1,500 tokens", Sampling { penalties, ..plain.clone() }, None),
        ("greedy, logprobs 5", greedy, Some(5)),
        ("temperature 1, logprobs 5", plain, Some(5)),
        ("top_p 0.9, logprobs 5", nucleus, Some(5)),
    ]
}

/// A prompt of 1,000 tokens, no two alike, and an answer of half as many.
fn occurred(penalties: &Penalties, vocab: usize) -> Option<Occurrences> {
    let token = |nth: u32| (nth.wrapping_mul(2_654_435_761) as usize % vocab) as u32;
    let prompt: Vec<u32> = (0..1_000).map(token).collect();
    let mut occurrences = Occurrences::wanted(penalties, &prompt)?;
    (1_000..1_500).map(token).for_each(|id| occurrences.add(id));
    Some(occurrences)
}

fn time(jobs: &[Job<'_>], threads: usize) -> String {
    let mut sampler = Sampler::new(threads);
    sampler.choose_all(jobs);
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(sampler.choose_all(std::hint::black_box(jobs)));
            start.elapsed().as_secs_f64() * 1e6 / jobs.len() as f64
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    format!("{:>8.0}  ({:.0} - {:.0})", times[RUNS / 2], times[0], times[RUNS - 1])
}

/// Sums of twelve uniform numbers are as good as normal here.
fn normal(len: usize, deviation: f32, mut state: u64) -> Vec<f32> {
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    (0..len).map(|_| ((0..12).map(|_| uniform()).sum::<f32>() - 6.0) * deviation).collect()
}
