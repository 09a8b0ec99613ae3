//! Any tokens whatever are an answer: some thousands of sequences here, and as many as
//! `THRONG_HARMONY_SEQUENCES` says, from the number `THRONG_HARMONY_FIRST` on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
#[path = "../common/mod.rs"]
mod common;
mod generator;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use check::{Checker, Figures};
use generator::Generator;

const SEQUENCES: u64 = 40_000;

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Checks every `step`th number of the range.
fn check(generator: &Generator, numbers: std::ops::Range<u64>, step: usize) -> Figures {
    let checker = Checker::new(common::chat(generator.tokenizer()));
    let mut figures = Figures::default();
    for number in numbers.step_by(step) {
        let ids = generator.sequence(number);
        match catch_unwind(AssertUnwindSafe(|| checker.check(&ids))) {
            Ok(checked) => figures.add(checked),
            Err(_) => {
                let ids = smallest(&checker, ids);
                let name = |&id: &u32| generator.tokenizer().token_text(id);
                let names: Vec<String> = ids.iter().map(name).collect();
                panic!("sequence {number} fails, at its smallest {names:?}, {ids:?}");
            }
        }
    }
    figures
}

/// A sequence that fails without any of whose tokens it would not.
fn smallest(checker: &Checker, mut ids: Vec<u32>) -> Vec<u32> {
    let mut at = 0;
    while at < ids.len() {
        let mut fewer = ids.clone();
        fewer.remove(at);
        if catch_unwind(AssertUnwindSafe(|| checker.check(&fewer))).is_err() {
            (ids, at) = (fewer, 0);
        } else {
            at += 1;
        }
    }
    ids
}

#[test]
fn any_tokens_are_an_answer() {
    let count = variable("THRONG_HARMONY_SEQUENCES", SEQUENCES);
    let first = variable("THRONG_HARMONY_FIRST", 0);
    let generator = Generator::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let start = Instant::now();
    let mut figures = Figures::default();
    std::thread::scope(|scope| {
        let generator = &generator;
        let numbers = |thread| first + thread as u64..first + count;
        let threads: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || check(generator, numbers(thread), threads)))
            .collect();
        for thread in threads {
            figures.add(thread.join().expect("a sequence fails: see above"));
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} sequences in {seconds:.0} s: {figures:?}");
    // The sequences reach what they are to reach.
    let Figures { tokens, reasoning_bytes, content_bytes, argument_bytes, calls } = figures;
    for figure in [tokens, reasoning_bytes, content_bytes, argument_bytes, calls] {
        assert!(figure >= count / 10, "{figures:?}");
    }
}
