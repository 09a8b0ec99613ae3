//! `throng eval`: perplexity, agreement with a reference, and what it refuses.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::path::{Path, PathBuf};

use common::{fail, succeed, throng};
use serde_json::Value;
use throng_testkit::TinyGptOss;

const TEXT: &str = "Batching serves many users at once: each step reads the weights one time.";

/// A file of that name in a folder of its own.
fn file(name: &str, text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn checkpoint(shape: &TinyGptOss) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    shape.write(folder.path()).unwrap();
    folder
}

fn with<'a>(text: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&["eval", "--text", text.to_str().unwrap()], more].concat()
}

fn measured(text: &Path, more: &[&str]) -> Value {
    let args = [with(text, more), vec!["--json"]].concat();
    serde_json::from_str(&succeed(&args, b"")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_text_of_one_window_has_the_perplexity_of_its_scores() {
    let (_folder, text) = file("a.txt", TEXT);
    let scores: Vec<f64> = succeed(&["score", TEXT, "--top", "0"], b"")
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["logprob"].as_f64())
        .collect();
    let expected = (-scores.iter().sum::<f64>() / scores.len() as f64).exp();
    let found = measured(&text, &[]);
    assert_eq!(found["counted"], scores.len());
    assert!((number(&found["perplexity"]) / expected - 1.0).abs() < 1e-6, "{found} {expected}");
    assert_eq!((&found["model"], &found["exact"]), (&Value::from("nano"), &Value::from(true)));
    assert!(found.get("kl").is_none() && found.get("reference").is_none(), "{found}");
}

#[test]
fn windows_are_cut_as_asked() {
    let (_folder, text) = file("a.txt", TEXT.repeat(20));
    let sliding = measured(&text, &["--context", "64", "--stride", "16"]);
    let tokens = sliding["tokens"].as_u64().unwrap();
    assert_eq!(sliding["counted"], tokens - 1);
    assert_eq!(sliding["windows"]["read"], (tokens - 64).div_ceil(16) + 1);
    let disjoint = measured(&text, &["--context", "64", "--windows", "disjoint"]);
    assert_eq!(disjoint["windows"]["read"], tokens / 64);
    assert_eq!(disjoint["counted"], tokens / 64 * 31);
    // A text that repeats itself is easier with more of it in sight.
    let wide = measured(&text, &["--context", "256"]);
    assert!(number(&wide["perplexity"]) < number(&sliding["perplexity"]), "{wide} {sliding}");
}

#[test]
fn a_model_agrees_with_itself_and_less_when_it_rounds() {
    let (_folder, text) = file("a.txt", TEXT.repeat(5));
    let same = measured(&text, &["--against", "--exact"]);
    assert_eq!(number(&same["kl"]["max"]), 0.0);
    assert_eq!(number(&same["top_1_agreement"]), 1.0);
    assert_eq!(same["perplexity"], same["reference"]["perplexity"]);

    let rounded = measured(&text, &["--exact=false", "--against=--exact"]);
    let mean = number(&rounded["kl"]["mean"]);
    assert!(mean > 0.0 && mean < 0.1 && mean <= number(&rounded["kl"]["p99"]), "{rounded}");
    assert_eq!(rounded["reference"]["perplexity"], same["perplexity"]);
    assert_eq!(rounded["reference"]["settings"], "--exact");

    let table = succeed(&with(&text, &["--exact=false", "--against", "--exact"]), b"");
    for part in ["model: nano, fast", "reference: nano, exact", "perplexity", "KL(", "%"] {
        assert!(table.contains(part), "{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
}

#[test]
fn another_model_may_be_the_reference_if_its_tokens_are_the_same() {
    let (_folder, text) = file("a.txt", TEXT);
    let [one, other] = [1, 2].map(|seed| checkpoint(&TinyGptOss { seed, ..TinyGptOss::default() }));
    let against = format!("-m '{}'", other.path().display());
    let model = ["-m", one.path().to_str().unwrap(), "--against", &against];
    let found = measured(&text, &model);
    assert!(number(&found["kl"]["mean"]) > 0.0, "{found}");

    let to_nano = ["-m", one.path().to_str().unwrap(), "--against", "-m nano"];
    fail(&with(&text, &to_nano), "nano one of 2,048");
    let tokenizer = other.path().join("tokenizer.json");
    let json = std::fs::read_to_string(&tokenizer).unwrap();
    std::fs::write(&tokenizer, json.replace("<|call|>", "<|cell|>")).unwrap();
    fail(&with(&text, &model), "<|cell|>");
}

#[test]
fn two_models_must_fit_together() {
    let (_folder, text) = file("a.txt", TEXT);
    let small = checkpoint(&TinyGptOss::default());
    let large = checkpoint(&TinyGptOss { layers: 48, ..TinyGptOss::default() });
    let alone = measured(&text, &["-m", large.path().to_str().unwrap()]);
    let memory = format!("{}B", alone["weights_bytes"]);
    let against = format!("-m {}", large.path().display());
    let model = ["-m", small.path().to_str().unwrap(), "--memory", &memory];
    succeed(&with(&text, &model), b"");
    let both = [&model[..], &["--against", &against]].concat();
    fail(&with(&text, &both), "the reference does not fit beside the model");
}

#[test]
fn prompts_do_not_count_and_special_tokens_are_named() {
    let lines = "{\"prompt\": \"<|start|>user<|message|>Hi<|end|>\", \"completion\": \"<|start|>\"}\n\
                 {\"text\": \"<|start|>a\"}\n";
    let (_folder, text) = file("a.jsonl", lines);
    let found = measured(&text, &[]);
    assert_eq!((&found["documents"], &found["counted"]), (&2.into(), &2.into()));
}

#[test]
fn what_cannot_be_read_is_refused() {
    let (_folder, text) = file("a.txt", TEXT);
    for (bytes, what) in [(&b""[..], "none counts"), (b"1", "none counts"), (b"\xff", "UTF-8")] {
        let (_folder, text) = file("b.txt", bytes);
        fail(&with(&text, &[]), what);
    }
    for (lines, what) in [("", "none counts"), ("{\"text\": \"ab\"}\n{}", "line 2")] {
        let (_folder, text) = file("b.jsonl", lines);
        fail(&with(&text, &[]), what);
    }
    fail(&with(Path::new("no/such.txt"), &[]), "no/such.txt");
    fail(&with(&std::env::temp_dir(), &[]), "cannot read");
    fail(&with(&text, &["--windows", "disjoint", "--context", "4000"]), "none counts");
    fail(&with(&text, &["--windows", "disjoint", "--stride", "9"]), "stride");
    fail(&with(&text, &["--context", "8", "--stride", "9"]), "stride");
    let (_folder, long) = file("c.txt", TEXT.repeat(400));
    fail(&with(&long, &["--context", "5000"]), "windows of 5000");
    fail(&with(&long, &["--memory", "1MB"]), "nano takes");
    for (flag, value) in [("--context", "1"), ("--stride", "0"), ("--against", "--exat")] {
        let outcome = throng(&with(&text, &[flag, value]), b"");
        assert!(!outcome.success && outcome.stderr.contains(flag), "{}", outcome.stderr);
    }
}
