//! Random models compute as trained ones do: finite logits that depend on the text, and every expert
//! has its share of the tokens.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use common::{compare, log_probs, options, row, tables};
use serde_json::Value;
use throng_checkpoint::synth::RandomModel;
use throng_checkpoint::{Checkpoint, MAX_SHARD_BYTES, WriteOptions};
use throng_model::{Batch, Precision, load_with};
use throng_testkit::{Random, configs};

use common::spy::{Seen, Spy};

const TOKENS: usize = 384;

/// The same model from either of the files that it can be written to.
#[derive(Clone, Copy)]
enum File {
    Safetensors,
    Gguf,
}

fn checkpoint(config: &Value, seed: u64, file: File) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    let options = WriteOptions {
        force: false,
        threads: 1,
        max_shard_bytes: MAX_SHARD_BYTES,
        progress: &|_| ControlFlow::Continue(()),
    };
    let model = RandomModel::new(config, None, seed).unwrap();
    match file {
        File::Safetensors => model.write_folder(&path, &options).unwrap(),
        File::Gguf => model.write_gguf(&path, &options).unwrap(),
    }
    // What has been mapped stays when the folder goes.
    Checkpoint::open(&path).unwrap()
}

/// What a model made of a random text.
struct Outcome {
    vocab: usize,
    tokens: Vec<u32>,
    logits: Vec<f32>,
    /// The experts that tokens went to, in each layer that has some.
    routes: Vec<Vec<u32>>,
}

fn run(config: &Value, seed: u64, file: File) -> Outcome {
    let checkpoint = checkpoint(config, seed, file);
    let vocab = checkpoint.spec().vocab;
    let mut random = Random::new(seed);
    let tokens: Vec<u32> = (0..TOKENS).map(|_| random.below(vocab) as u32).collect();
    let seen = Seen::default();
    let spy = Spy::new(Arc::clone(&seen));
    let options = options(Precision::Exact, 1, None);
    let mut runner = load_with(spy, &checkpoint, options, &mut |_| ()).unwrap();
    let batch = Batch { rows: vec![row(&tokens, 0, TOKENS, &tables(TOKENS, 0))] };
    let logits = runner.run(&batch).unwrap().to_vec();
    let routes = Mutex::lock(&seen).unwrap().clone();
    Outcome { vocab, tokens, logits, routes }
}

#[test]
fn logits_are_finite_and_neither_flat_nor_certain() {
    for config in configs() {
        let Outcome { vocab, tokens, logits, .. } = run(&config, 11, File::Safetensors);
        assert!(logits.iter().all(|logit| logit.is_finite()), "{config}");
        let log_probs = log_probs(&logits, vocab);
        let entropy = -log_probs.iter().map(|log| log.exp() * log).sum::<f64>() / TOKENS as f64;
        let most = (vocab as f64).ln();
        assert!((0.4 * most..0.95 * most).contains(&entropy), "{entropy} of {most}: {config}");
        // The text decides what comes next: it is not always the same, nor each token again.
        let best: Vec<usize> = logits
            .chunks_exact(vocab)
            .map(|row| (0..vocab).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap())
            .collect();
        let distinct = best.iter().collect::<BTreeSet<_>>().len();
        assert!(distinct > 64, "{distinct} different answers in {TOKENS} places: {config}");
        let echoes = best.iter().zip(&tokens).filter(|&(&best, &token)| best == token as usize);
        assert!(echoes.count() < TOKENS / 10, "{config}");
    }
}

#[test]
fn tokens_are_spread_over_the_experts() {
    let mut layers = 0;
    for (config, experts, active) in [(&configs()[0], 8, 4), (&configs()[3], 8, 2)] {
        for seed in 0..4 {
            for routes in run(config, seed, File::Safetensors).routes {
                assert_eq!(routes.len(), TOKENS * active);
                let fair = (TOKENS * active / experts) as f64;
                for expert in 0..experts as u32 {
                    let count = routes.iter().filter(|&&other| other == expert).count();
                    let share = count as f64 / fair;
                    assert!((0.25..2.0).contains(&share), "expert {expert} has {share} of fair");
                }
                layers += 1;
            }
        }
    }
    assert_eq!(layers, 4 * (4 + 2), "all sparse layers were seen");
}

#[test]
fn both_files_are_the_same_model() {
    for mut config in configs() {
        // A dense layer among sparse ones is nothing that GGUF could say.
        config.as_object_mut().unwrap().remove("mlp_only_layers");
        let [released, gguf] = [File::Safetensors, File::Gguf].map(|file| run(&config, 3, file));
        let distance = compare(&gguf.logits, &released.logits, released.vocab, 1.0);
        match config["model_type"].as_str() {
            // Q8_0 for bf16: rounding, which a random router feels most.
            Some("gpt_oss") => assert!(distance.mean < 0.1, "{distance:?}"),
            // f16 for f32.
            Some("gpt2") => assert!(distance.worst < 0.02, "{distance:?}"),
            // Not a bit is lost.
            _ => assert_eq!(gguf.logits, released.logits, "{config}"),
        }
        assert_eq!(distance.other_argmax, 0, "{config}");
    }
}
