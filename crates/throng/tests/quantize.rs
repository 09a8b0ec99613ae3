//! `--quantize` and `throng quantize`: what they save is said, what they cannot do is refused by name.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::path::Path;

use common::{command, fail, run, succeed, throng};
use serde_json::Value;
use throng_testkit::TinyGptOss;

fn inspect(args: &[&str]) -> Value {
    let args = [&["inspect", "--bandwidth", "50", "--memory", "64GB", "--json"], args].concat();
    serde_json::from_str::<Vec<Value>>(&succeed(&args, b"")).unwrap().remove(0)
}

fn tiny() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    TinyGptOss::default().write(folder.path()).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn bytes_are_shown_before_a_load() {
    let plain = inspect(&["gpt-oss-20b"]);
    let int8 = inspect(&["gpt-oss-20b", "--quantize", "int8"]);
    let number = |model: &Value, pointer: &str| model.pointer(pointer).unwrap().as_f64().unwrap();
    let saved = |pointer: &str| number(&plain, pointer) - number(&int8, pointer);
    // Attention has 637 M weights and the head 579 M: 7.5 bits less for each.
    let expected = (637_009_920.0 + 579_133_440.0) * 7.5 / 8.0;
    assert_eq!(saved("/bytes/total"), expected);
    assert_eq!(saved("/decode/steps/0/dense_bytes"), expected);
    assert_eq!(saved("/decode/steps/0/expert_bytes"), 0.0);
    assert!((saved("/memory/weights_bytes") / expected - 1.0).abs() < 1e-3);
    assert_eq!(number(&int8, "/bytes/dtypes/q8_0"), (637_009_920.0 + 579_133_440.0) * 8.5 / 8.0);
}

#[test]
fn a_model_runs_with_quantised_weights() {
    let folder = tiny();
    let score = |more: &[&str]| {
        let args = [&["score", "the other", "-m", text(folder.path())], more].concat();
        succeed(&args, b"")
    };
    let plain = score(&[]);
    let int8 = score(&["--quantize", "int8"]);
    assert_ne!(int8, plain);
    assert_eq!(int8, score(&["--quantize", "attention=int8,head=int8"]));
    assert_ne!(int8, score(&["--quantize", "attention=int8"]));
    assert_eq!(plain, score(&["--quantize", "bf16"]), "it is bf16 already");
    let fast = score(&["--quantize", "int8", "--exact=false"]);
    assert_ne!(fast, int8);
    assert_eq!(fast, score(&["--quantize", "int8", "--exact=false", "--threads", "3"]));
    let mut with_variable = command(&["score", "the other", "-m", text(folder.path())]);
    with_variable.env("THRONG_QUANTIZE", "int8");
    assert_eq!(run(with_variable, b"").stdout, int8);
}

#[test]
fn what_cannot_be_quantised_is_refused_by_name() {
    let folder = tiny();
    let model = text(folder.path());
    let refused = |types: &str, what: &str| {
        fail(&["score", "hi", "-m", model, "--quantize", types], what);
        fail(&["inspect", model, "--bandwidth", "1", "--quantize", types], what);
    };
    refused("experts=int8", "experts cannot be quantised to int8: stored as mxfp4");
    refused("experts=mxfp4", "quantised already");
    for (types, what) in [("int4", "\"int4\""), ("norms=int8", "\"norms\""), ("", "no type")] {
        let outcome = throng(&["score", "hi", "--quantize", types], b"");
        assert!(!outcome.success && outcome.stderr.contains(what), "{types}: {}", outcome.stderr);
    }
    // Rows of 100 values are no whole blocks of 32.
    let odd = tempfile::tempdir().unwrap();
    let spec = odd.path().join("config.json");
    let mut config = throng_testkit::configs()[1].clone();
    config["hidden_size"] = 100.into();
    config["head_dim"] = 16.into();
    std::fs::write(&spec, config.to_string()).unwrap();
    let out = odd.path().join("out");
    succeed(&["synth", text(&spec), text(&out)], b"");
    let args = ["score", "hi", "-m", text(&out), "--quantize", "int8"];
    fail(&args, "head cannot be quantised to int8: rows have 100 values");
    succeed(&["score", "hi", "-m", text(&out), "--quantize", "bf16"], b"");
}

#[test]
fn a_model_written_again_answers_as_one_quantised_at_load() {
    let (folder, out) = (tiny(), tempfile::tempdir().unwrap());
    let model = text(folder.path());
    let out = out.path().join("int8");
    let types = ["--attention", "int8", "--head", "int8"];
    let written = throng(&[&["quantize", model, text(&out)], &types[..]].concat(), b"");
    assert!(written.success, "{}", written.stderr);
    assert!(written.stdout.lines().all(|line| line.chars().count() <= 100), "{}", written.stdout);
    for what in ["lm_head.weight", "model.layers.3.self_attn.o_proj.weight", "17 tensors", "q8_0"] {
        assert!(written.stdout.contains(what), "{}", written.stdout);
    }
    assert!(written.stderr.contains("int8 attention, int8 head"), "{}", written.stderr);
    for exact in ["--exact", "--exact=false"] {
        let score = |model, more: &[&str]| {
            succeed(&[&["score", "the other", "-m", model, exact], more].concat(), b"")
        };
        assert_eq!(score(text(&out), &[]), score(model, &["--quantize", "int8"]), "{exact}");
    }
    let again = |to: &Path, more: &[&str], what: &str| {
        fail(&[&["quantize", text(&out), text(to)], more].concat(), what);
    };
    let other = folder.path().join("other");
    again(&other, &types, "attention cannot be quantised to int8: stored as q8_0");
    again(&other, &["--experts", "int8"], "experts cannot be quantised to int8: stored as mxfp4");
    again(&other, &[], "nothing is to be quantised");
    assert!(!other.exists());
    let from_model = |to: &Path, more: &[&str], what: &str| {
        fail(&[&["quantize", model, text(to)], &types[..], more].concat(), what);
    };
    from_model(&out, &[], "is not empty");
    from_model(folder.path(), &["--force"], "read and replaced at once");
    succeed(&[&["quantize", model, text(&out), "--force"], &types[..]].concat(), b"");
    fail(&["quantize", "no/such", text(&other), "--head", "int8"], "no/such");
    let types = throng(&["quantize", model, text(&other), "--head", "int3"], b"");
    assert!(!types.success && types.stderr.contains("\"int3\""), "{}", types.stderr);
}

#[test]
fn built_in_models_need_no_folder() {
    let out = tempfile::tempdir().unwrap();
    for name in ["nano", "nano-draft"] {
        let out = out.path().join(format!("{name}-int8"));
        succeed(&["quantize", name, text(&out), "--head", "int8"], b"");
        let score = |more: &[&str]| succeed(&[&["score", "the other"], more].concat(), b"");
        let written = score(&["-m", text(&out)]);
        assert_eq!(written, score(&["-m", name, "--quantize", "head=int8"]));
        assert_ne!(written, score(&["-m", name]));
        let stored = inspect(&[text(&out)]);
        assert_eq!(
            stored["bytes"]["total"],
            inspect(&[name, "--quantize", "head=int8"])["bytes"]["total"]
        );
    }
    assert!(out.path().join("nano-int8/generation_config.json").is_file());
}
