//! `throng synth`: what it writes can be used at once, and it destroys nothing.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::fs;
use std::path::Path;

use common::{fail, succeed, throng};
use throng_testkit::configs;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn every_architecture_generates() {
    let folder = tempfile::tempdir().unwrap();
    for (index, config) in configs().iter().enumerate() {
        let spec = folder.path().join(format!("{index}.json"));
        fs::write(&spec, config.to_string()).unwrap();
        let out = folder.path().join(index.to_string());
        let outcome = throng(&["synth", text(&spec), text(&out), "--layers", "2"], b"");
        assert!(outcome.success, "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
        assert!(outcome.stderr.contains("2 layers"), "{}", outcome.stderr);
        let raw = ["generate", "--raw", "the other", "-m", text(&out), "--max-tokens", "3"];
        succeed(&raw, b"");
        let scored = succeed(&["score", "the other", "-m", text(&out)], b"");
        // Merges work: "the" is a token, and so is "other" but for its first letter.
        assert!(scored.lines().count() < "the other".len(), "{scored}");
    }
    // Harmony's special tokens are there.
    let gpt_oss = folder.path().join("0");
    succeed(&["generate", "hi", "-m", text(&gpt_oss), "--max-tokens", "3"], b"");
}

#[test]
fn a_folder_is_a_shape_too() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    let spec = folder.path().join("config.json");
    fs::write(&spec, configs()[0].to_string()).unwrap();
    succeed(&["synth", text(&spec), text(&first), "--seed", "5"], b"");
    succeed(&["synth", text(&first), text(&second), "--seed", "5"], b"");
    let weights = |out: &Path| fs::read(out.join("model.safetensors")).unwrap();
    assert!(weights(&first) == weights(&second));
    fail(&["synth", text(&spec), text(&first)], "is not empty");
    // So is the built-in model, which `throng help inspect` names among the others.
    let nano = folder.path().join("nano");
    succeed(&["synth", "nano", text(&nano)], b"");
    succeed(&["score", "hi", "-m", text(&nano)], b"");
    succeed(&["synth", text(&spec), text(&first), "--force"], b"");
    assert!(weights(&first) != weights(&second), "another seed, other weights");
}

#[test]
fn a_gguf_file_generates_what_the_folder_does() {
    let folder = tempfile::tempdir().unwrap();
    let spec = folder.path().join("config.json");
    fs::write(&spec, configs()[1].to_string()).unwrap();
    let [released, gguf] = ["model", "model.gguf"].map(|name| folder.path().join(name));
    succeed(&["synth", text(&spec), text(&released)], b"");
    succeed(&["synth", text(&spec), text(&gguf), "--gguf"], b"");
    let [released, gguf] = [released, gguf].map(|model| {
        succeed(&["score", "the other thing", "-m", text(&model), "--top", "20"], b"")
    });
    assert_eq!(released, gguf);
    fail(&["synth", text(&spec), text(&folder.path().join("model.bin")), "--gguf"], ".gguf");
    // The name says it, without the flag.
    let named = folder.path().join("named.gguf");
    succeed(&["synth", text(&spec), text(&named)], b"");
    assert!(fs::read(named).unwrap() == fs::read(folder.path().join("model.gguf")).unwrap());
}

#[test]
fn shapes_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let spec = folder.path().join("config.json");
    let refused = |spec: &str, what| {
        let stderr = fail(&["synth", spec, text(&out)], what);
        assert!(!out.exists());
        stderr
    };
    assert!(refused("gpt-oss-21b", "gpt-oss-21b").contains("gpt-oss-20b"));
    fs::write(&spec, "{").unwrap();
    refused(text(&spec), "not valid JSON");
    fs::write(&spec, "{\"model_type\": \"mamba\"}").unwrap();
    refused(text(&spec), "mamba");
    fail(&["synth", "gpt-oss-20b", text(&out), "--layers", "0"], "0 layers");
    assert!(!out.exists());
}
