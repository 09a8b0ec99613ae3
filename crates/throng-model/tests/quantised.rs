//! Models whose weights are quantised while they are loaded: near the model that they were, on every
//! instruction set what the oracle computes, and one prompt still has one answer.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{checkpoint, compare, goldens, options, reference, run_chunked};
use throng_model::{Isa, LoadOptions, Naive, Precision, Runner, load, load_with, stored};
use throng_spec::{Quantisation, QuantisationRequest};

/// A golden checkpoint's quantisation as asked for, if its rows are whole blocks.
fn quantisation(name: &str, request: &str) -> Option<Quantisation> {
    let (checkpoint, request) = (checkpoint(name), request.parse::<QuantisationRequest>().unwrap());
    request.resolve(checkpoint.spec(), &stored(&checkpoint)).ok()
}

/// Names and quantisations of all goldens that can be quantised so.
fn cases(request: &str) -> Vec<(String, Quantisation)> {
    let case = |name: String| quantisation(&name, request).map(|found| (name, found));
    let cases: Vec<_> = goldens().into_iter().filter_map(case).collect();
    assert!(cases.len() > 5, "{request} fits {}", cases.len());
    cases
}

fn logits(runner: &mut dyn Runner, tokens: &[u32], chunk: usize) -> Vec<f32> {
    run_chunked(runner, tokens, chunk)
}

#[test]
fn the_cpu_computes_what_the_oracle_does() {
    for request in ["int8", "mxfp4", "bf16"] {
        for (name, quantisation) in cases(request) {
            let reference = reference(&name, 140);
            let exact = |isa| LoadOptions { quantisation, ..options(Precision::Exact, 2, isa) };
            let oracle = load_with(Naive, &checkpoint(&name), exact(None), &mut |_| ());
            let mut oracle = oracle.unwrap();
            let vocab = oracle.spec().vocab;
            let expected = logits(oracle.as_mut(), &reference.tokens, 140);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
                let mut cpu = load(&checkpoint(&name), exact(Some(isa)), &mut |_| ()).unwrap();
                let ours = logits(cpu.as_mut(), &reference.tokens, 140);
                let error = compare(&ours, &expected, vocab, 0.0).worst;
                assert!(error < 1e-3, "{name} in {request} on {isa}: off by {error}");
            }
        }
    }
}

/// Random weights amplify rounding, so this only says that nothing is broken; what a trained model
/// loses is measured, see `bench/README.md`.
#[test]
fn int8_stays_near_the_model_that_it_was() {
    for (name, quantisation) in cases("int8") {
        let reference = reference(&name, 140);
        for precision in [Precision::Exact, Precision::Fast] {
            let options = LoadOptions { quantisation, ..options(precision, 2, None) };
            let mut runner = load(&checkpoint(&name), options, &mut |_| ()).unwrap();
            let ours = logits(runner.as_mut(), &reference.tokens, 140);
            let distance = compare(&ours, &reference.logits, runner.spec().vocab, 1.0);
            assert!(distance.mean < 0.5, "{name}: {distance:?}");
            assert!(distance.worst > 1e-3, "{name} was not quantised: {distance:?}");
        }
    }
}

#[test]
fn one_prompt_has_one_answer_however_it_is_cut() {
    for (name, quantisation) in cases("int8").into_iter().chain(cases("attention=int8,head=mxfp4"))
    {
        let reference = reference(&name, 140);
        let run = |threads, chunk| {
            let options = LoadOptions { quantisation, ..options(Precision::Fast, threads, None) };
            let mut runner = load(&checkpoint(&name), options, &mut |_| ()).unwrap();
            logits(runner.as_mut(), &reference.tokens, chunk)
        };
        let whole = run(1, 140);
        assert!(run(2, 1) == whole && run(3, 33) == whole, "{name}");
    }
}
