//! The commands on the built-in model, run as a person runs them.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{succeed, throng};
use serde_json::Value;

#[test]
fn alone_it_greets_and_says_what_to_try() {
    let greeting = succeed(&[], b"");
    for verb in ["chat", "generate", "serve", "score", "inspect"] {
        assert!(greeting.contains(&format!("throng {verb}")), "{greeting}");
    }
}

#[test]
fn generate_reasons_and_then_answers() {
    let outcome = throng(&["generate", "What is 37 * 48?", "--effort", "high"], b"");
    assert!(outcome.stdout.contains("1776"), "{}", outcome.stdout);
    assert!(outcome.stderr.lines().count() > 3, "reasoning on standard error: {}", outcome.stderr);
    assert!(!outcome.stdout.contains("<|"), "{}", outcome.stdout);
}

#[test]
fn more_effort_is_more_reasoning() {
    let reasoning =
        |effort| throng(&["generate", "What is 37 * 48?", "--effort", effort], b"").stderr.len();
    assert!(reasoning("low") < reasoning("medium"));
    assert!(reasoning("medium") < reasoning("high"));
}

#[test]
fn the_prompt_can_come_from_standard_input() {
    let high = ["--effort", "high"];
    let piped = succeed(&[&["generate", "-"], &high[..]].concat(), b"What is 12 + 7?");
    assert_eq!(piped, succeed(&[&["generate", "What is 12 + 7?"], &high[..]].concat(), b""));
    assert!(!piped.trim().is_empty());
}

#[test]
fn drafts_change_no_answer() {
    let ask = ["generate", "What is 37 * 48?", "--effort", "high", "--seed", "7"];
    let plain = throng(&ask, b"");
    for config in [
        r#"{"method":"ngram","num_speculative_tokens":3,"prompt_lookup_min":1}"#,
        r#"{"model":"nano-draft","num_speculative_tokens":5}"#,
    ] {
        let drafted = throng(&[&ask[..], &["--speculative-config", config]].concat(), b"");
        assert_eq!(drafted.stdout, plain.stdout, "{config}");
    }
    assert!(plain.stdout.contains("1776"), "{}", plain.stderr);
}

#[test]
fn limits_and_stops_end_an_answer() {
    let whole = succeed(&["generate", "What is 12 + 7?"], b"");
    let last = whole.trim_end().chars().last().unwrap().to_string();
    let stopped = succeed(&["generate", "What is 12 + 7?", "--stop", &last], b"");
    assert_eq!(Some(stopped.trim_end()), whole.split(&last).next().map(str::trim_end));
    assert_ne!(stopped, whole);
    let raw = |tokens| {
        let args = ["generate", "--raw", "12 + 7 =", "--max-tokens", tokens];
        succeed(&args, b"").trim_end().to_owned()
    };
    let (short, long) = (raw("3"), raw("6"));
    assert!(!short.is_empty() && long.starts_with(&short) && long.len() > short.len());
    // An answer that was cut off says so, or an empty one would look like the model's own.
    let cut = throng(&["generate", "What is 12 + 7?", "--max-tokens", "2"], b"");
    assert_eq!(cut.stdout, "");
    assert!(cut.stderr.contains("note: cut off after 2 tokens"), "{}", cut.stderr);
}

#[test]
fn one_prompt_one_answer() {
    let answer = |threads, seed| {
        // So hot that no model is sure of any token: the seed alone decides.
        let args = [
            &["generate", "--raw", "Tell me about batching.", "--temperature", "20"][..],
            &["--max-tokens", "40", "--seed", seed],
        ]
        .concat();
        throng(&[&args[..], &["--threads", threads]].concat(), b"")
    };
    let first = answer("1", "7");
    let second = answer("3", "7");
    assert_eq!((&first.stdout, &first.stderr), (&second.stdout, &second.stderr));
    let other = answer("1", "8");
    assert_ne!((first.stdout, first.stderr), (other.stdout, other.stderr));
}

#[test]
fn chat_answers_every_turn_and_obeys_its_commands() {
    let input = b"What is 2 + 3?\n/effort medium\n/effort high\n/effort huge\n/system Answer briefly.\n/clear\n\
        /nonsense\nWhat is 40 - 8?\n/quit\nWhat is 1 + 1?\n";
    let outcome = throng(&["chat", "--effort", "high"], input);
    assert!(outcome.success, "{}", outcome.stderr);
    let answers: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(answers.len(), 2, "{}", outcome.stdout);
    assert!(answers.iter().all(|answer| !answer.is_empty()), "{answers:?}");
    assert!(outcome.stderr.contains("unknown reasoning effort \"huge\""), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("unknown command /nonsense"), "{}", outcome.stderr);
}

#[test]
fn score_gives_a_line_a_token_and_all_logits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logits.safetensors");
    let args = ["score", "A token at a time.", "--top", "3", "--logits", file.to_str().unwrap()];
    let lines: Vec<Value> =
        succeed(&args, b"").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text: String = lines.iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(text, "A token at a time.");
    assert_eq!(lines[0]["logprob"], Value::Null);

    let bytes = std::fs::read(file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let logits = tensors.tensor("logits").unwrap();
    let vocab = logits.shape()[1];
    assert_eq!(logits.shape()[0], lines.len());
    let rows: Vec<f32> = logits
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    for (row, line) in rows.chunks_exact(vocab).zip(&lines[1..]) {
        let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        let id = line["token"].as_u64().unwrap() as usize;
        let expected = f64::from(row[id]) - sum.ln();
        assert!((line["logprob"].as_f64().unwrap() - expected).abs() < 1e-4, "{line}");
        let top = line["top"].as_array().unwrap();
        assert_eq!(top.len(), 3);
        let best = row.iter().copied().fold(f32::MIN, f32::max);
        assert_eq!(row[top[0]["token"].as_u64().unwrap() as usize], best);
    }
    let ids: Vec<String> = lines.iter().map(|line| line["token"].to_string()).collect();
    assert_eq!(
        succeed(&["score", "--tokens", &ids.join(","), "--top", "3"], b""),
        succeed(&["score", "A token at a time.", "--top", "3"], b"")
    );
}

#[test]
fn exact_is_the_default_of_a_small_model_and_fast_agrees() {
    let scores = |more: &[&str]| {
        succeed(
            &[&["score", "Batching serves many users at once.", "--top", "0"], more].concat(),
            b"",
        )
    };
    let exact = scores(&["--exact"]);
    assert_eq!(scores(&[]), exact);
    let fast = scores(&["--exact=false"]);
    assert_ne!(fast, exact, "activations are rounded");
    let logprobs = |text: &str| -> Vec<f64> {
        text.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["logprob"].as_f64())
            .collect()
    };
    let (fast, exact) = (logprobs(&fast), logprobs(&exact));
    let total: f64 = fast.iter().zip(&exact).map(|(fast, exact)| (fast - exact).abs()).sum();
    assert!(total / (exact.len() as f64) < 0.3, "{fast:?} {exact:?}");
}
