//! `throng bench` on the built-in model.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{fail, succeed};
use serde_json::Value;

/// A measurement of moments.
const SHORT: [&str; 11] = [
    "bench",
    "--prompt-tokens",
    "8,40",
    "--generate-tokens",
    "2",
    "--users",
    "1,2,3",
    "--context",
    "20",
    "--repeat",
    "2",
];

fn json(more: &[&str]) -> Vec<Value> {
    let out = succeed(&[&SHORT[..], &["--json"], more].concat(), b"");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn tables_and_a_curve() {
    let out = succeed(&SHORT, b"");
    assert!(out.starts_with("nano, exact, "), "{out}");
    for heading in ["prompt  tokens/s", "users  tokens/s"] {
        assert!(out.contains(heading), "{out}");
    }
    let bars = out.lines().filter(|line| line.contains("tokens/s  ") && line.contains('█'));
    assert_eq!(bars.count(), 3, "{out}");
    assert_eq!(out.lines().find(|line| line.chars().count() > 100), None);
}

#[test]
fn a_line_of_json_for_each_result() {
    let lines = json(&[]);
    let cases: Vec<_> = lines
        .iter()
        .map(|line| {
            let case = &line["measured"];
            (case.as_str().unwrap(), line["prompt_tokens"].as_u64().or(line["users"].as_u64()))
        })
        .collect();
    let expected = [("prefill", 8), ("prefill", 40), ("decode", 1), ("decode", 2), ("decode", 3)];
    assert_eq!(cases, expected.map(|(case, number)| (case, Some(number))));
    for line in &lines {
        assert_eq!((line["model"].as_str(), line["exact"].as_bool()), (Some("nano"), Some(true)));
        let number = |what: &str, which: &str| line[what][which].as_f64().unwrap();
        for what in ["seconds", "tokens_per_second"] {
            let [min, median, max] = ["min", "median", "max"].map(|which| number(what, which));
            assert!(0.0 < min && min <= median && median <= max, "{line}");
        }
        let tokens = line["tokens"].as_f64().unwrap();
        let fastest = tokens / number("seconds", "min");
        assert!((fastest / number("tokens_per_second", "max") - 1.0).abs() < 1e-9, "{line}");
    }
    assert_eq!(lines[4]["tokens"].as_u64(), Some(6));
}

#[test]
fn a_roofline_says_where_all_of_the_time_goes() {
    let lines = json(&["--roofline"]);
    assert_eq!(lines.len(), 10);
    let number = |value: &Value| value.as_f64().unwrap();
    let cases =
        [(Some(8), None), (Some(40), None), (None, Some(1)), (None, Some(2)), (None, Some(3))];
    for (line, (tokens, users)) in lines[5..].iter().zip(cases) {
        assert_eq!(line["measured"].as_str(), Some("roofline"));
        assert_eq!((line["prompt_tokens"].as_u64(), line["users"].as_u64()), (tokens, users));
        assert_eq!(line["steps"].as_u64(), Some(if users.is_some() { 4 } else { 2 }));
        let parts = line["parts"].as_array().unwrap();
        let sum = |field: &str| parts.iter().map(|part| part[field].as_f64().unwrap_or(0.0)).sum();
        let is_whole = |sum: f64, field: &str| (sum / number(&line[field]) - 1.0).abs() < 1e-3;
        assert!(is_whole(sum("seconds"), "seconds_a_step"), "{line}");
        assert!(is_whole(sum("limit_seconds"), "limit_seconds"), "{line}");
        for name in ["qkv", "attention", "mlp_up", "head"] {
            let part = parts.iter().find(|part| part["part"] == name).unwrap();
            assert!(number(&part["bytes"]) > 0.0 && number(&part["limit_seconds"]) > 0.0, "{part}");
            // nano computes in f32.
            assert!(number(&part["multiply_accumulates"]["f32"]) > 0.0, "{part}");
        }
        let has = |name: &str| parts.iter().any(|part| part["part"] == name);
        assert_eq!(has("sampling") && has("scheduling"), users.is_some(), "{line}");
        assert!(line["words"].as_str().unwrap().starts_with("A step of "), "{line}");
    }
    let attention = |line: &Value| {
        let parts = line["parts"].as_array().unwrap();
        let part = parts.iter().find(|part| part["part"] == "attention").unwrap();
        part["bytes"].as_u64().unwrap()
    };
    // Every user's own keys and values.
    assert_eq!(attention(&lines[9]), 3 * attention(&lines[7]));
}

#[test]
fn a_roofline_in_tables_and_words() {
    let out = succeed(&[&SHORT[..], &["--roofline"]].concat(), b"");
    for text in
        ["reading a prompt of 40, ", "writing, 3 users, ", " bound by ", "A step of 3 users "]
    {
        assert!(out.contains(text), "{out}");
    }
    assert_eq!(out.lines().find(|line| line.chars().count() > 100), None);
}

#[test]
fn memory_is_measured_around_each_decoding() {
    let lines = json(&["--bandwidth", "--isa", "scalar"]);
    for line in &lines {
        let around = line["bandwidth"].as_array().unwrap();
        // A time of the plan each, before and after.
        let times = if line["measured"] == "decode" { 2 } else { 0 };
        assert_eq!(around.len(), times, "{line}");
        let speeds = around.iter().flat_map(|pair| pair.as_array().unwrap());
        assert!(speeds.clone().all(|speed| speed.as_f64().unwrap() > 0.0), "{line}");
        assert_eq!(speeds.count(), 2 * times);
    }
    let out = succeed(&[&SHORT[..], &["--bandwidth"]].concat(), b"");
    assert!(out.contains("meanwhile memory was read at "), "{out}");
}

#[test]
fn what_is_not_asked_for_is_not_measured() {
    let kinds = |more: &[&str]| {
        let args = [&["bench", "--repeat", "1", "--json", "--users", "1"], more].concat();
        succeed(&args, b"").lines().count()
    };
    assert_eq!(kinds(&["--prompt-tokens", "0", "--generate-tokens", "1", "--context", "0"]), 1);
    assert_eq!(kinds(&["--prompt-tokens", "5", "--generate-tokens", "0"]), 1);
}

#[test]
fn what_has_no_room_is_refused() {
    fail(&["bench", "--prompt-tokens", "9999999"], "more than the model's context");
    fail(&["bench", "--context", "9999999"], "more than the model's context");
    let args = ["bench", "--users", "4096", "--context", "1000", "--kv-cache-memory", "1MiB"];
    fail(&args, "more than the KV cache has room for");
}
