//! Against transformers: every golden checkpoint, every length.

mod common;

use std::collections::BTreeSet;

use common::{
    LENGTHS, checkpoint, compare, gguf, goldens, options, reference, run_chunked, runner,
};
use throng_checkpoint::Checkpoint;
use throng_model::{Isa, Naive, Precision, Runner, load, load_with};
use throng_spec::ModelSpec;

fn assert_exact(name: &str, case: &str, runner: &mut dyn Runner) {
    let vocab = runner.spec().vocab;
    for length in LENGTHS {
        let reference = reference(case, length);
        let logits = run_chunked(runner, &reference.tokens, length);
        let error = compare(&logits, &reference.logits, vocab, 0.0).worst;
        println!("{name}, {length} tokens: {error:.2e}");
        assert!(error < 1e-3, "{name}, {length} tokens: log-probabilities off by {error}");
    }
}

#[test]
fn the_oracle_matches_transformers() {
    for name in goldens() {
        let options = options(Precision::Exact, 1, None);
        let mut runner = load_with(Naive, &checkpoint(&name), options, &mut |_| ()).unwrap();
        assert_exact(&name, &name, runner.as_mut());
    }
}

#[test]
fn the_cpu_matches_transformers_on_every_instruction_set() {
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
        for name in goldens() {
            println!("{isa}:");
            assert_exact(&name, &name, runner(&name, Precision::Exact, 2, Some(isa)).as_mut());
        }
    }
}

/// Made by llama.cpp's converter from the same weights, so the logits are transformers' too.
#[test]
fn gguf_files_match_transformers() {
    let files: Vec<_> = goldens().into_iter().filter(|name| gguf(name).is_some()).collect();
    let architectures: BTreeSet<_> =
        files.iter().map(|name| checkpoint(name).spec().architecture).collect();
    assert_eq!(architectures, ModelSpec::architectures().collect(), "each has a GGUF file");
    for name in files {
        let checkpoint = Checkpoint::open(&gguf(&name).unwrap()).unwrap();
        let options = options(Precision::Exact, 2, None);
        let mut runner = load(&checkpoint, options, &mut |_| ()).unwrap();
        assert_exact(&format!("{name}/model.gguf"), &name, runner.as_mut());
    }
}

/// Random weights amplify rounding, so this only says that nothing is broken; the bound that
/// matters is that on the trained model.
#[test]
fn fast_mode_stays_near_transformers() {
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
        for (name, length) in goldens().iter().flat_map(|name| LENGTHS.map(|n| (name, n))) {
            let mut runner = runner(name, Precision::Fast, 2, Some(isa));
            let reference = reference(name, length);
            let vocab = runner.spec().vocab;
            let logits = run_chunked(runner.as_mut(), &reference.tokens, length);
            let distance = compare(&logits, &reference.logits, vocab, 1.0);
            println!("{isa}, {name}, {length} tokens: {distance:.3?}");
            assert!(distance.mean < 0.5, "{isa}, {name}, {length} tokens: {distance:?}");
        }
    }
}
