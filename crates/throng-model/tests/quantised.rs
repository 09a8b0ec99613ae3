//! Models whose weights are quantised while they are loaded: near the model that they were, on every
//! instruction set what the oracle computes, and one prompt still has one answer.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use common::{checkpoint, compare, goldens, options, reference, run_chunked};
use half::bf16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use throng_checkpoint::quantised::QuantisedModel;
use throng_checkpoint::synth::RandomModel;
use throng_checkpoint::{Checkpoint, MAX_SHARD_BYTES, WriteOptions};
use throng_model::{Isa, LoadOptions, Naive, Precision, Runner, load, load_with, stored};
use throng_ops::decode;
use throng_spec::{DType, Layout, Quantisation, QuantisationRequest};
use throng_testkit::{Random, configs};

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

/// Written before or quantised now: not a bit of an answer differs, in any architecture.
#[test]
fn a_quantised_folder_is_what_a_load_makes() {
    let mut seen = 0;
    for (index, config) in configs().iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        RandomModel::new(config, None, 5).unwrap().write_folder(&path, &WRITE).unwrap();
        let mut requests = vec!["int8", "attention=mxfp4", "head=mxfp4"];
        if config["model_type"] == "gpt_oss" {
            widen_experts(&path);
        }
        requests.extend(["experts=int8", "mxfp4", "experts=mxfp4,attention=int8"]);
        if config["model_type"] == "gpt2" {
            // In f32, so this rounds.
            requests.push("bf16");
        }
        for request in requests {
            let out = folder.path().join(format!("{index} {request}"));
            let original = Checkpoint::open(&path).unwrap();
            let asked: QuantisationRequest = request.parse().unwrap();
            let quantisation = asked.resolve(original.spec(), &stored(&original)).unwrap();
            let model = QuantisedModel::new(&original, &path, quantisation).unwrap();
            model.write_folder(&out, &WRITE).unwrap();
            let written = Checkpoint::open(&out).unwrap();
            let none = Quantisation::default();
            for precision in [Precision::Exact, Precision::Fast] {
                let before = answer(&written, none, precision);
                let now = answer(&original, quantisation, precision);
                assert!(before == now, "{request} of {config} in {precision:?}");
                assert!(now != answer(&original, none, precision), "{request} changes nothing");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2 * (5 * 6 + 1));
}

const WRITE: WriteOptions<'_> = WriteOptions {
    force: false,
    threads: 2,
    max_shard_bytes: MAX_SHARD_BYTES,
    progress: &|_| ControlFlow::Continue(()),
};

fn answer(checkpoint: &Checkpoint, quantisation: Quantisation, precision: Precision) -> Vec<f32> {
    let options = LoadOptions { quantisation, ..options(precision, 2, None) };
    let mut runner = load(checkpoint, options, &mut |_| ()).unwrap();
    let (mut random, vocab) = (Random::new(9), runner.spec().vocab);
    let tokens: Vec<u32> = (0..70).map(|_| random.below(vocab) as u32).collect();
    logits(runner.as_mut(), &tokens, 70)
}

/// Makes the experts of gpt-oss bf16 in columns, as `transformers` saves a model that it trained.
fn widen_experts(folder: &Path) {
    let file = folder.join("model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let old = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, view) in old.tensors() {
        if let Some(name) = name.strip_suffix("_blocks") {
            let [experts, rows, blocks, _] = *view.shape() else { panic!("four dimensions") };
            let scales = old.tensor(&format!("{name}_scales")).unwrap();
            let values = decode(DType::Mxfp4, Layout::Rows, view.data(), scales.data());
            let cols = 32 * blocks;
            let value = |i: usize| {
                let (expert, col, row) = (i / (rows * cols), i / rows % cols, i % rows);
                values[(expert * rows + row) * cols + col]
            };
            let columns = (0..values.len()).flat_map(|i| bf16::from_f32(value(i)).to_le_bytes());
            let shape = vec![experts, cols, rows];
            tensors.insert(name.to_owned(), (Dtype::BF16, shape, columns.collect()));
        } else if !name.ends_with("_scales") {
            let content = (view.dtype(), view.shape().to_vec(), view.data().to_vec());
            tensors.insert(name, content);
        }
    }
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    std::fs::write(&file, serialize(views, None).unwrap()).unwrap();
}
