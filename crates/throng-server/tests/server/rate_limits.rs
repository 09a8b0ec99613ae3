//! How much a key may ask, and which models.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use throng_engine::EngineConfig;
use throng_server::{ApiKeys, Clock, ServerConfig};

use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

const CHAT: &str = "/v1/chat/completions";

/// A server whose clock stands still until it is told the time.
struct Limited {
    server: Server,
    keys: ApiKeys,
    milliseconds: Arc<AtomicU64>,
}

impl Limited {
    fn by(keys: &str) -> Self {
        Self::with(keys, Setup::default())
    }

    fn with(keys: &str, setup: Setup) -> Self {
        let keys = ApiKeys::parse(keys).unwrap();
        let milliseconds = Arc::new(AtomicU64::new(0));
        let told = milliseconds.clone();
        let config = ServerConfig {
            api_keys: Some(keys.clone()),
            clock: Clock::new(move || Duration::from_millis(told.load(Ordering::SeqCst))),
            ..setup.server.clone()
        };
        Self { server: Server::with(Setup { server: config, ..setup }), keys, milliseconds }
    }

    fn pass(&self, time: Duration) {
        self.milliseconds.fetch_add(time.as_millis() as u64, Ordering::SeqCst);
    }

    fn get(&self, key: &str, path: &str) -> http::Response {
        let key = format!("Bearer {key}");
        http::request(self.server.address, "GET", path, &[("Authorization", &key)], b"")
    }

    fn chat(&self, key: &str, members: Value) -> http::Response {
        self.server.post_as(key, CHAT, &chat_body("think", members))
    }

    fn complete(&self, key: &str, max_tokens: u64) -> http::Response {
        let body = json!({ "model": "scripted", "prompt": "Once", "max_tokens": max_tokens });
        self.server.post_as(key, "/v1/completions", &body)
    }

    /// Tokens that remain, once those that were reserved and not used are back.
    fn settled(&self, key: &str) -> u64 {
        self.server.wait_until(|stats| stats.running == 0 && stats.waiting == 0);
        // The answer's last byte may be read before the server is done with it.
        let mut last = None;
        loop {
            let now = remaining(&self.get(key, "/v1/models"), "tokens");
            if last.replace(now) == Some(now) {
                return now;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn number(response: &http::Response, name: &str) -> u64 {
    let value = response.header(name).unwrap_or_else(|| panic!("no {name}: {response:?}"));
    value.parse().unwrap()
}

fn remaining(response: &http::Response, of: &str) -> u64 {
    number(response, &format!("x-ratelimit-remaining-{of}"))
}

#[test]
fn requests_beyond_the_limit_are_429_until_time_has_passed() {
    let limited = Limited::by("sk-a alice rpm=3\nsk-b alice");
    for left in [2, 1, 0] {
        let answer = limited.chat("sk-a", json!({}));
        answer.ok();
        assert_eq!(remaining(&answer, "requests"), left);
        assert_eq!(number(&answer, "x-ratelimit-limit-requests"), 3);
        assert_eq!(answer.header("x-ratelimit-limit-tokens"), None, "they have no limit");
    }
    for _ in 0..2 {
        let refused = limited.chat("sk-a", json!({}));
        let error = refused.error(429);
        assert_eq!(
            (&error["code"], &error["type"]),
            (&json!("rate_limit_exceeded"), &json!("requests"))
        );
        assert_eq!(refused.header("Retry-After"), Some("20"));
        assert_eq!(refused.header("x-ratelimit-reset-requests"), Some("1m0s"));
        assert_eq!(remaining(&refused, "requests"), 0);
    }
    limited.chat("sk-b", json!({})).ok();
    assert_eq!(limited.get("sk-a", "/v1/models").status, 200, "a look costs nothing");
    limited.pass(Duration::from_millis(19_500));
    let refused = limited.chat("sk-a", json!({}));
    refused.error(429);
    assert_eq!(refused.header("Retry-After"), Some("1"));
    limited.pass(Duration::from_millis(500));
    limited.chat("sk-a", json!({})).ok();
    limited.chat("sk-a", json!({})).error(429);
}

#[test]
fn a_request_that_is_refused_for_itself_counts_and_says_what_is_left() {
    let limited = Limited::by("sk-a rpm=10 tpm=5000");
    let bad = limited.chat("sk-a", json!({ "temperature": "hot" }));
    bad.error(400);
    assert_eq!((remaining(&bad, "requests"), remaining(&bad, "tokens")), (9, 5000));
    let stream = limited.chat("sk-a", json!({ "stream": true, "max_tokens": 100 }));
    assert!(!stream.chunks().is_empty());
    assert_eq!(remaining(&stream, "requests"), 8);
    assert!(remaining(&stream, "tokens") < 4900, "what it may take is reserved");
    let found = limited.server.post_as("sk-a", "/tokenize", &json!({ "prompt": "x" }));
    found.ok();
    assert_eq!(remaining(&found, "requests"), 7);
    assert_eq!(limited.get("sk-a", "/health").header("x-ratelimit-limit-requests"), None);
    assert_eq!(limited.get("sk-wrong", "/v1/models").header("x-ratelimit-limit-requests"), None);
}

#[test]
fn tokens_are_reserved_and_those_not_used_come_back() {
    let limited = Limited::by("sk-a tpm=1000");
    let whole = limited.complete("sk-a", 500);
    let usage = whole.ok()["usage"].clone();
    let (prompt, used) = (&usage["prompt_tokens"], usage["total_tokens"].as_u64().unwrap());
    assert!(prompt.as_u64() == Some(4) && used < 100, "{usage}");
    assert_eq!(limited.settled("sk-a"), 1000 - used);
    // However few it would use.
    let refused = limited.complete("sk-a", 990);
    let error = refused.error(429);
    assert_eq!((&error["code"], &error["type"]), (&json!("rate_limit_exceeded"), &json!("tokens")));
    assert_eq!(refused.header("x-should-retry"), None);
    let wait = f64::ceil((used as f64 - 6.0) * 60.0 / 1000.0);
    assert_eq!(refused.header("Retry-After"), Some(&*wait.to_string()));
    assert_eq!(remaining(&refused, "tokens"), 1000 - used, "what was refused takes nothing");
    limited.pass(Duration::from_secs(60));
    limited.complete("sk-a", 990).ok();
    // More than a minute may have, however long one waits.
    let refused = limited.complete("sk-a", 1000);
    refused.error(429);
    assert_eq!(
        (refused.header("Retry-After"), refused.header("x-should-retry")),
        (None, Some("false"))
    );
}

#[test]
fn an_answer_without_a_maximum_needs_no_whole_context_and_counts_as_long_as_it_was() {
    let limited = Limited::by("sk-a tpm=1000\nsk-b tpm=2000");
    // Less than a context, less than is reserved where nothing is said.
    limited.chat("sk-a", json!({})).ok();
    assert!(limited.settled("sk-a") < 1000);
    // 4096 tokens, of which 1024 were reserved.
    let body = chat_body(ENDLESS, json!({}));
    let answer = limited.server.post_as("sk-b", CHAT, &body);
    assert!(answer.ok()["usage"]["total_tokens"].as_u64() >= Some(4000));
    assert_eq!(limited.settled("sk-b"), 0);
    limited.pass(Duration::from_secs(60));
    assert_eq!(limited.settled("sk-b"), 0, "what was used beyond is owed");
    limited.pass(Duration::from_secs(120));
    assert_eq!(limited.settled("sk-b"), 2000);
}

#[test]
fn several_answers_are_reserved_each_and_a_refusal_by_the_engine_takes_nothing() {
    let config = EngineConfig { queue: 1, max_sequences: 1, ..EngineConfig::default() };
    let setup = Setup { config, context: 100_000, ..Setup::default() };
    let limited = Limited::with("sk-a alice tpm=1000\nsk-b alice", setup);
    let several = |max_tokens: u64| {
        let body = json!({
            "model": "scripted", "prompt": ["Once", "Two"], "n": 2, "max_tokens": max_tokens,
        });
        limited.server.post_as("sk-a", "/v1/completions", &body)
    };
    // Seven tokens of prompts, and four answers.
    assert_eq!(several(249).error(429)["code"], "rate_limit_exceeded");
    // One runs and never ends, another waits for it, and these find no place.
    let begin = |running: usize, waiting: usize| {
        let body = chat_body(ENDLESS, json!({})).to_string();
        let headers = [("Content-Type", "application/json"), ("Authorization", "Bearer sk-b")];
        let mut stream = http::connect(limited.server.address);
        stream.write_all(&http::head("POST", CHAT, &headers, body.len())).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        limited.server.wait_until(|stats| (stats.running, stats.waiting) == (running, waiting));
        stream
    };
    let _crowd = [begin(1, 0), begin(1, 1)];
    let full = several(248);
    assert_eq!(full.error(429)["code"], "queue_full");
    assert_eq!(remaining(&full, "tokens"), 1000);
}

#[test]
fn a_file_that_is_read_again_leaves_what_was_used() {
    let limited = Limited::by("sk-a alice rpm=5\nsk-b bob rpm=5");
    for key in ["sk-a", "sk-a", "sk-b"] {
        limited.chat(key, json!({})).ok();
    }
    limited.keys.replace("sk-a alice rpm=4\nsk-b bob").unwrap();
    let answer = limited.chat("sk-a", json!({}));
    assert_eq!(
        (number(&answer, "x-ratelimit-limit-requests"), remaining(&answer, "requests")),
        (4, 1)
    );
    let answer = limited.chat("sk-b", json!({}));
    assert_eq!(answer.header("x-ratelimit-limit-requests"), None);
}

#[test]
fn a_model_that_a_key_may_not_ask_is_not_there() {
    let limited = Limited::by("sk-all\nsk-none models=other rpm=5\nsk-some models=x,org/other");
    for key in ["sk-all", "sk-some"] {
        limited.chat(key, json!({})).ok();
        limited.chat(key, json!({ "model": "org/other" })).ok();
        assert_eq!(limited.get(key, "/v1/models").ok()["data"][0]["id"], "scripted");
        limited.get(key, "/v1/models/scripted").ok();
    }
    let list = limited.get("sk-none", "/v1/models");
    assert_eq!(list.ok(), json!({ "object": "list", "data": [] }));
    let bodies = [
        (CHAT, chat_body("think", json!({}))),
        ("/v1/completions", json!({ "model": "scripted", "prompt": "Once" })),
        ("/tokenize", json!({ "prompt": "Once" })),
        ("/detokenize", json!({ "tokens": [] })),
    ];
    let refused = bodies.iter().map(|(path, body)| limited.server.post_as("sk-none", path, body));
    for refused in refused.chain([limited.get("sk-none", "/v1/models/scripted")]) {
        let error = refused.error(404);
        assert_eq!((&error["code"], &error["param"]), (&json!("model_not_found"), &json!("model")));
        assert!(!refused.text().contains("scripted"), "{error}");
        assert_eq!(remaining(&refused, "requests"), 5, "nothing was asked");
    }
}

#[test]
fn a_page_may_read_what_is_left() {
    let allowed_origins = vec!["*".parse().unwrap()];
    let server = ServerConfig { allowed_origins, ..ServerConfig::default() };
    let limited = Limited::with("sk-a rpm=5", Setup { server, ..Setup::default() });
    let headers = [("Authorization", "Bearer sk-a"), ("Origin", "https://page.example")];
    let models = http::request(limited.server.address, "GET", "/v1/models", &headers, b"");
    let exposed = models.header("Access-Control-Expose-Headers").unwrap();
    for name in ["x-ratelimit-remaining-requests", "x-ratelimit-reset-tokens", "x-request-id"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}
