//! Who may ask, who is counted as whom, and who shares what.

use serde_json::{Value, json};
use throng_engine::EngineConfig;
use throng_server::{ApiKeys, ServerConfig};

use crate::support::{Server, Setup, chat_body, http};

const KEYS: &str = "sk-alice-1 alice 2\nsk-alice-2 alice 2\nsk-bob bob\nsk-nameless";

fn with(api_keys: Option<&str>, share_prefix_cache: bool) -> Server {
    let api_keys = api_keys.map(|keys| ApiKeys::parse(keys).unwrap());
    let server = ServerConfig { api_keys, share_prefix_cache, ..ServerConfig::default() };
    Server::with(Setup { server, ..Setup::default() })
}

#[test]
fn the_api_needs_a_key_where_there_are_keys() {
    let server = with(Some(KEYS), false);
    let body = chat_body("think", json!({}));
    let get = |path: &str, headers: &[(&str, &str)]| {
        http::request(server.address, "GET", path, headers, b"")
    };
    let wrong = ("Authorization", "Bearer sk-wrong-key");
    let refused = [
        server.post("/v1/chat/completions", &body),
        server.post_as("sk-wrong-key", "/v1/chat/completions", &body),
        server.post_as("", "/v1/chat/completions", &body),
        server.post_as("sk-wrong-key", "/v1/completions", &json!({})),
        server.post("/tokenize", &json!({ "prompt": "x" })),
        server.post("/detokenize", &json!({ "tokens": [] })),
        get("/v1/models", &[wrong]),
        get("/v1/models/scripted", &[("Authorization", "Basic sk-alice-1")]),
    ];
    for response in &refused {
        let error = response.error(401);
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(error["code"], "invalid_api_key");
        assert!(!response.text().contains("sk-wrong-key"), "{error}");
        assert_eq!(response.header("WWW-Authenticate"), Some("Bearer"));
    }
    for key in ["sk-alice-1", "sk-alice-2", "sk-bob", "sk-nameless"] {
        server.post_as(key, "/v1/chat/completions", &body).ok();
        get("/v1/models", &[("Authorization", &format!("Bearer {key}"))]).ok();
    }
    // They tell nothing of anybody's, and those who watch a server have no keys.
    for path in ["/", "/health", "/metrics", "/version", "/page/app.js"] {
        assert_eq!(get(path, &[]).status, 200, "{path}");
    }
}

#[test]
fn tenants_are_counted_by_name_and_no_key_is_shown() {
    let server = with(Some(KEYS), false);
    for key in ["sk-alice-1", "sk-alice-2", "sk-bob", "sk-nameless"] {
        server.post_as(key, "/v1/chat/completions", &chat_body("list", json!({}))).ok();
    }
    let text = server.get("/metrics").text().to_owned();
    assert!(!text.contains("sk-"), "{text}");
    let tokens = |tenant: &str| {
        let label = format!("tenant=\"{tenant}\"");
        let line = text
            .lines()
            .find(|line| {
                line.starts_with("throng:tenant_generation_tokens_total") && line.contains(&label)
            })
            .unwrap_or_else(|| panic!("no {tenant} in {text}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(tokens("bob") > 0.0);
    assert_eq!(tokens("alice"), 2.0 * tokens("bob"));
    assert_eq!(tokens("key#4"), tokens("bob"));
}

#[test]
fn without_keys_whoever_sends_the_same_key_is_the_same_tenant() {
    let server = with(None, false);
    for key in ["sk-one", "sk-one", "sk-two"] {
        server.post_as(key, "/v1/chat/completions", &chat_body("list", json!({}))).ok();
    }
    server.chat("list", json!({})).ok();
    let names: Vec<String> =
        server.engine.stats().tenants.iter().map(|tenant| tenant.name.to_string()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&"anonymous".to_owned()));
    assert!(names.iter().all(|name| !name.contains("sk-")), "{names:?}");
}

/// Tokens that a long prompt found in the cache.
fn cached(server: &Server, key: &str, members: &[(&str, Value)]) -> u64 {
    let mut body = chat_body(&"a long story ".repeat(30), json!({}));
    for (name, value) in members {
        body[*name] = value.clone();
    }
    let answer = server.post_as(key, "/v1/chat/completions", &body).ok();
    let usage = &answer["usage"];
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert!(cached < usage["prompt_tokens"].as_u64().unwrap());
    cached
}

#[test]
fn prefixes_are_shared_within_a_tenant_and_a_salt() {
    let server = with(Some(KEYS), false);
    let salt = [("cache_salt", json!("pepper"))];
    assert_eq!(cached(&server, "sk-alice-1", &[]), 0);
    let found = cached(&server, "sk-alice-2", &[]);
    assert!(found > 300, "{found}");
    assert_eq!(cached(&server, "sk-alice-1", &[("n", json!(3))]), found, "counted once");
    assert_eq!(cached(&server, "sk-bob", &[]), 0, "what another asked is not told");
    assert_eq!(cached(&server, "sk-alice-1", &salt), 0);
    assert_eq!(cached(&server, "sk-alice-1", &salt), found);
    assert_eq!(cached(&server, "sk-bob", &salt), 0);

    let members = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let body = chat_body(&"a long story ".repeat(30), members);
    let chunks = server.post_as("sk-bob", "/v1/chat/completions", &body).chunks();
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], found);
}

#[test]
fn prefixes_are_shared_among_all_only_where_the_operator_says_so() {
    let server = with(Some(KEYS), true);
    assert_eq!(cached(&server, "sk-alice-1", &[]), 0);
    assert!(cached(&server, "sk-bob", &[]) > 300);
    assert_eq!(cached(&server, "sk-bob", &[("cache_salt", json!("own"))]), 0);
    let config = EngineConfig { prefix_cache: false, ..EngineConfig::default() };
    let server = Server::with(Setup { config, ..Setup::default() });
    for _ in 0..2 {
        assert_eq!(cached(&server, "sk-alice-1", &[]), 0);
    }
}
