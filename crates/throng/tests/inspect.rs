//! `throng inspect`, and the plan of memory before a load.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{fail, succeed, throng};
use serde_json::Value;

const FOUR: [&str; 5] = ["inspect", "gpt2-xl", "gpt-oss-20b", "gpt-oss-120b", "qwen3-30b-a3b"];

#[test]
fn four_models_side_by_side() {
    let table = succeed(&[&FOUR[..], &["--bandwidth", "50", "--memory", "24GB"]].concat(), b"");
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    insta::assert_snapshot!(table);
}

#[test]
fn as_json_it_has_the_published_numbers() {
    let args = [&FOUR[..], &["--bandwidth", "50", "--memory", "24GB", "--json"]].concat();
    let models: Vec<Value> = serde_json::from_str(&succeed(&args, b"")).unwrap();
    let of = |pointer: &str| -> Vec<&Value> {
        models.iter().map(|model| model.pointer(pointer).unwrap()).collect()
    };
    assert_eq!(of("/name"), FOUR[1..]);
    assert_eq!(
        of("/parameters/total"),
        [1_557_611_200u64, 20_914_757_184, 116_829_156_672, 30_532_122_624]
    );
    assert_eq!(of("/bytes/total")[1..3], [13_761_264_768u64, 65_248_815_744]);
    assert_eq!(of("/memory/fits"), [true, true, false, false]);
    for model in &models {
        let sum = |pointer: &str, key: &str| -> u64 {
            let numbers = model.pointer(pointer).unwrap().as_object().unwrap().values();
            let one = |number: &Value| number.pointer(key).unwrap().as_u64().unwrap();
            numbers.map(one).sum()
        };
        let parameters = &model["parameters"];
        assert_eq!(sum("/parameters/parts", "/total"), parameters["total"].as_u64().unwrap());
        assert_eq!(sum("/parameters/parts", "/active"), parameters["active"].as_u64().unwrap());
        assert_eq!(sum("/bytes/dtypes", ""), model["bytes"]["total"].as_u64().unwrap());
        for step in model["decode"]["steps"].as_array().unwrap() {
            let number = |key: &str| step[key].as_f64().unwrap();
            let expected = number("users") * 50e9 / number("bytes");
            assert!((number("tokens_per_second") / expected - 1.0).abs() < 1e-12, "{step}");
        }
    }
}

#[test]
fn alone_it_shows_the_built_in_model_and_measures() {
    let json = |args: &[&str]| -> Value {
        let args = [&["inspect", "--json"], args].concat();
        serde_json::from_str::<Vec<Value>>(&succeed(&args, b"")).unwrap().remove(0)
    };
    let nano = json(&[]);
    assert_eq!(nano["name"], "nano");
    assert!(nano["decode"]["bytes_per_second"].as_f64().unwrap() > 0.0);
    let score = |args: &[&str]| succeed(&[&["score", "hi"], args].concat(), b"");
    assert_eq!(score(&["-m", "nano"]), score(&[]));
    // The same files as a folder.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/nano");
    let folder = json(&[folder, "--bandwidth", "50"]);
    for key in ["name", "parameters", "bytes", "kv", "multiply_accumulates"] {
        assert_eq!(folder[key], nano[key], "{key}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/nano/model.safetensors");
    let header = std::fs::metadata(file).unwrap().len() - nano["bytes"]["total"].as_u64().unwrap();
    assert!((8..65_536).contains(&header), "a header of {header} bytes");
}

#[test]
fn what_is_no_model_is_said_to_be_none() {
    fail(&["inspect", "gpt-oss-21b"], "neither a checkpoint nor the name of a model");
    fail(&["inspect", env!("CARGO_MANIFEST_DIR"), "--bandwidth", "1"], "config.json is missing");
    let nameless = throng(&["inspect", ""], b"");
    assert!(!nameless.success && nameless.stderr.contains("a value is required"));
    let error = fail(&["score", "hi", "-m", "GPT-oss-20b"], "a shape without weights");
    assert!(error.contains("throng pull") && error.contains("throng synth"), "{error}");
}

#[test]
fn a_model_that_does_not_fit_is_refused() {
    let small = ["--memory", "1MB"];
    for verb in ["generate", "score"] {
        let error = fail(&[&[verb, "Hello"], &small[..]].concat(), "1.00 MB may be taken");
        assert!(error.contains("its weights alone take"), "{error}");
    }
    let error = fail(&["serve", "--memory", "256MB", "--kv-cache-memory", "1GiB"], "nano takes 4");
    assert!(!error.contains(" 0 users"), "{error}");
    let (_, rest) = error.split_once("hint: --kv-cache-memory ").unwrap();
    let (size, _) = rest.split_once(" fits").unwrap();
    // What the hint proposes is not refused; that it cannot listen ends it.
    let args = ["serve", "--memory", "256MB", "--kv-cache-memory", size, "--host", "192.0.2.1"];
    fail(&args, "192.0.2.1");
}
