//! The default precision on the trained model that the binary carries: what rounding costs where
//! weights are not random. Texts are the model's own, sampled in exact mode.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::path::Path;

use common::{compare, options, read_reference, row, run_chunked, tables};
use throng_checkpoint::Checkpoint;
use throng_model::{Batch, Isa, Precision, Runner, default_precision, load};

const TEXTS: u32 = 4;
const TOKENS: usize = 320;

fn checkpoint() -> Checkpoint {
    Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/nano")).unwrap()
}

/// A token of nano's vocabulary.
fn token(checkpoint: &Checkpoint, content: &str) -> u32 {
    let tokenizer: serde_json::Value = serde_json::from_slice(checkpoint.tokenizer_json()).unwrap();
    let added = tokenizer["added_tokens"].as_array().unwrap();
    let token = added.iter().find(|token| token["content"] == content).unwrap();
    token["id"].as_u64().unwrap() as u32
}

/// A text as the model writes it.
fn sample(runner: &mut dyn Runner, start: u32, seed: u32) -> Vec<u32> {
    let blocks = tables(TOKENS, 0);
    let mut state = seed;
    let mut tokens = vec![start];
    while tokens.len() < TOKENS {
        let end = tokens.len();
        let logits =
            runner.run(&Batch { rows: vec![row(&tokens, end - 1, end, &blocks)] }).unwrap();
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f32> = logits.iter().map(|x| (x - max).exp()).collect();
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut left = weights.iter().sum::<f32>() * (state as f32 / u32::MAX as f32);
        let next = weights.iter().position(|weight| {
            left -= weight;
            left <= 0.0
        });
        tokens.push(next.unwrap_or(0) as u32);
    }
    tokens
}

#[test]
fn the_default_is_within_0_05_of_exact() {
    let checkpoint = checkpoint();
    let vocab = checkpoint.spec().vocab;
    let default = default_precision(checkpoint.spec());
    let load = |precision, isa| load(&checkpoint, options(precision, 2, isa), &mut |_| ()).unwrap();
    let mut exact = load(Precision::Exact, None);
    for text in 0..TEXTS {
        let tokens = sample(exact.as_mut(), token(&checkpoint, "<|start|>"), text);
        let expected = run_chunked(exact.as_mut(), &tokens, 64);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            let distance = |precision| {
                let logits = run_chunked(load(precision, Some(isa)).as_mut(), &tokens, 64);
                compare(&logits, &expected, vocab, 0.2)
            };
            let ours = distance(default);
            println!("{isa}, text {text}, {default:?}: {ours:.6?}");
            assert!(ours.worst < 0.05, "{isa}, text {text}: {ours:?}");
            assert_eq!(ours.other_argmax, 0, "{isa}, text {text}: {ours:?}");
            let fast = distance(Precision::Fast);
            println!("{isa}, text {text}, Fast: {fast:.3?}");
            assert!(fast.mean < 0.3, "{isa}, text {text}: {fast:?}");
        }
    }
}

/// A conversation with nano, and what transformers makes of it: see `tools/golden/reference.py`.
#[test]
fn the_default_is_within_0_05_of_transformers() {
    let checkpoint = checkpoint();
    let vocab = checkpoint.spec().vocab;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nano");
    let reference = read_reference(&folder.join("reference.safetensors"), "");
    let distance = |precision| {
        let mut runner = load(&checkpoint, options(precision, 2, None), &mut |_| ()).unwrap();
        let logits = run_chunked(runner.as_mut(), &reference.tokens, 64);
        compare(&logits, &reference.logits, vocab, 0.2)
    };
    let exact = distance(Precision::Exact);
    assert!(exact.worst < 1e-3, "{exact:?}");
    let default = distance(default_precision(checkpoint.spec()));
    assert!(default.worst < 0.05 && default.other_argmax == 0, "{default:?}");
}
