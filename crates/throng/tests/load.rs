//! `throng bench serve` and the scenarios beside it, on `throng serve` with the built-in model.

#![cfg(feature = "load")]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use common::{command, fail, succeed};
use serde_json::Value;

/// A server that goes when the test does.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start() -> Self {
        let mut command = command(&["serve", "--port", "0"]);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stderr.take().unwrap());
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            printed.read_line(line).unwrap();
        }
        let url = lines[0].trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }

    /// What a scenario prints of this server as JSON, a value a line.
    fn json(&self, scenario: &str, args: &[&str]) -> Vec<Value> {
        let args = [&["bench", scenario, "--url", &self.url, "--json"], args].concat();
        succeed(&args, b"").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn levels_of_users_and_rates() {
    let server = Server::start();
    let short = ["--requests", "6", "--prompt-tokens", "200", "--max-tokens", "5", "--ignore-eos"];
    let users = server.json("serve", &[&["--concurrency", "1,3"], &short[..]].concat());
    let rates = server.json("serve", &[&["--rate", "50"], &short[..]].concat());
    let ids = ["--concurrency", "2", "--endpoint", "completions", "--token-ids"];
    let ids = server.json("serve", &[&ids[..], &short[..]].concat());
    assert_eq!(users.len(), 2);
    assert_eq!(
        (users[1]["concurrency"].as_u64(), rates[0]["rate"].as_f64()),
        (Some(3), Some(50.0))
    );
    for level in users.iter().chain(&rates).chain(&ids) {
        assert_eq!((level["completed"].as_u64(), level["failed"].as_u64()), (Some(6), Some(0)));
        assert_eq!(level["completion_tokens"], 30, "{level}");
        assert_eq!(level["tokens_counted_by"], "server");
        let seconds = |what: &str| level[what]["median"].as_f64().unwrap();
        assert!(seconds("end_to_end") > 0.0, "{level}");
    }
    assert_eq!(ids[0]["prompt_tokens"], 6 * 200, "token ids are as many as asked");
    let words = users[0]["prompt_tokens"].as_u64().unwrap();
    assert!((6 * 180..=6 * 220).contains(&words), "words come to about as many: {words}");
}

#[test]
fn a_table_bars_and_a_picture() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("load.svg");
    let args = [
        &["bench", "serve", "--url", &server.url, "--concurrency", "1,2", "--requests", "4"][..],
        &["--max-tokens", "4", "--plot", plot.to_str().unwrap()],
    ];
    let out = succeed(&args.concat(), b"");
    assert!(out.contains("TTFT p50") && out.contains('█'), "{out}");
    assert_eq!(out.lines().find(|line| line.chars().count() > 99), None, "{out}");
    let picture = std::fs::read_to_string(plot).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains("nano under load"), "{picture}");
}

#[test]
fn conversations_find_their_own_past_in_the_cache() {
    let server = Server::start();
    let talk = server.json(
        "conversations",
        &[
            &["--conversations", "3", "--turns", "3", "--system-tokens", "200"][..],
            &["--prompt-tokens", "20", "--max-tokens", "8", "--concurrency", "2"],
        ]
        .concat(),
    );
    assert_eq!(talk[0]["failures"], serde_json::json!({}));
    let number = |turn: usize, what: &str| talk[0]["turns"][turn][what].as_u64().unwrap();
    assert_eq!(number(2, "completed"), 3);
    for turn in [1, 2] {
        assert_eq!(number(turn, "repeated_tokens"), number(turn - 1, "prompt_tokens"));
        assert!(number(turn, "prompt_tokens") > number(turn, "repeated_tokens"), "{}", talk[0]);
        // All but what is left of a block, and what the template says differently of the past.
        let (cached, repeated) = (number(turn, "cached_tokens"), number(turn, "repeated_tokens"));
        assert!(repeated / 2 < cached && cached < number(turn, "prompt_tokens"), "{}", talk[0]);
    }
}

#[test]
fn two_tenants_and_a_soak() {
    let server = Server::start();
    let shares = server.json(
        "fairness",
        &[
            &["--api-key", "crowd=a,single=b", "--queued", "40", "--questions", "2"][..],
            &["--max-tokens", "200", "--ignore-eos"],
        ]
        .concat(),
    );
    assert_eq!(shares[0]["alone"]["completed"], 2);
    assert_eq!(shares[0]["beside"]["failures"], serde_json::json!({}));
    assert!(shares[0]["beside"]["completed"].as_u64() > Some(0), "{}", shares[0]);
    let pid = server.child.id().to_string();
    let args = ["--duration", "2s", "--concurrency", "6", "--max-tokens", "20"];
    // Linux alone says what a process holds.
    let pid = if cfg!(target_os = "linux") { vec!["--pid", &pid] } else { Vec::new() };
    let soak = server.json("soak", &[&args[..], &pid].concat());
    assert!(soak[0]["conducts"]["patient"]["completed"].as_u64() > Some(0), "{}", soak[0]);
    assert_eq!(soak[0]["failures"], serde_json::json!({}));
    assert!(
        soak[0]["quiet_seconds"].is_number(),
        "nothing runs, waits or holds a block: {}",
        soak[0]
    );
}

#[test]
fn what_cannot_be_measured_is_an_error_with_a_way_out() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    fail(&["bench", "serve", "--url", &url], "no connection: connection refused");
    fail(&["bench", "fairness", "--url", &url, "--api-key", "a"], "there are 1 API keys");
    let error = fail(&["bench", "serve", "--url", &url, "--api-key", "sk-secret\r"], "API key");
    assert!(!error.contains("secret"), "{error}");
    let server = Server::start();
    let model = ["bench", "serve", "--url", &server.url, "--model", "other"];
    fail(&model, "'other' is not served here");
    let soak = ["bench", "soak", "--url", &server.url, "--pid", "4294967295"];
    fail(&soak, "nothing is known of a process");
}
