//! A seeded simulation of the scheduler: from one number follow a tiny world, everyone who comes,
//! and everything that goes wrong. After every step all that must hold is checked; a case that
//! fails is made as small as it can be and printed.
//!
//! `THRONG_SIMULATION_SEEDS=100000 cargo test -p throng-engine --test simulation -- --nocapture`
//! runs more seeds; `THRONG_SIMULATION_FIRST_SEED` says where to begin.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod arrival;
mod case;
mod course;
mod crowd;
mod drafts;
mod expectation;
mod fairness;
mod life;
mod limits;
mod panics;
mod shrink;
mod simulation;
mod summary;
mod traffic;
mod tree;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::case::Case;
use crate::panics::caught;
use crate::shrink::shrink;
use crate::simulation::simulate;
use crate::summary::Summary;

/// What CI runs.
const SEEDS: u64 = 1000;
const STEPS: usize = 100_000;

/// After so long without an end it is told which seeds run.
const MINUTE: Duration = Duration::from_secs(60);

/// Seeds between two lines of progress.
const PROGRESS: u64 = 1000;

#[test]
fn many_seeds() {
    let number = |name: &str| -> Option<u64> {
        let text = std::env::var(name).ok()?;
        Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
    };
    let asked = number("THRONG_SIMULATION_SEEDS");
    let first = number("THRONG_SIMULATION_FIRST_SEED").unwrap_or(0);
    let seeds = asked.unwrap_or(SEEDS);
    let total = run(first, seeds);
    eprintln!("{seeds} seeds from {first} on: {total:?}");
    if asked.is_none() && first == 0 {
        assert!(total.steps >= STEPS, "{} steps are too few", total.steps);
        total.check_variety();
    }
}

/// Simulates so many seeds on every core, and adds up what happened.
fn run(first: u64, seeds: u64) -> Summary {
    let next = AtomicU64::new(first);
    let total = Mutex::new(Summary::default());
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                break;
            }
            let summary = check(seed, || next.store(u64::MAX / 2, Ordering::Relaxed));
            let mut total = total.lock().unwrap();
            total.add(&summary);
            if (seed - first + 1).is_multiple_of(PROGRESS) {
                eprintln!("seed {seed}: {} steps so far", total.steps);
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (done, watched) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // A scheduler that never returns fails no test: its seed must be told before.
        scope.spawn(|| {
            let next = &next;
            let watched = watched;
            while watched.recv_timeout(MINUTE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("a minute later: the last seeds before {next:?} are running");
            }
        });
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        let ends: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        drop(done);
        if let Some(panic) = ends.into_iter().find_map(Result::err) {
            std::panic::resume_unwind(panic);
        }
    });
    total.into_inner().unwrap()
}

/// Simulates one seed. If it fails, stops the others and panics with a small case that fails alike.
fn check(seed: u64, stop_others: impl Fn()) -> Summary {
    let case = Case::of_seed(seed);
    let failure = |case: &Case| caught(case, || simulate(case)).err();
    let about = format!("seed {seed}:\n{case}");
    let message = match caught(&about, || simulate(&case)) {
        Ok(summary) => return summary,
        Err(message) => message,
    };
    stop_others();
    let arrivals = case.arrivals.len();
    let (case, message) = shrink(case, message, failure);
    panic!(
        "seed {seed} fails: {message}\nof its {arrivals} requests these are enough:\n{case}\
         again: THRONG_SIMULATION_FIRST_SEED={seed} THRONG_SIMULATION_SEEDS=1 cargo test \
         -p throng-engine --test simulation\n"
    );
}
