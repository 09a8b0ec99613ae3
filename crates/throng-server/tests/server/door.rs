//! Whose web pages may ask, and by which names of the server.

use serde_json::json;
use throng_server::{ApiKeys, ServerConfig};

use crate::support::{Server, Setup, chat_body, http};

const CHAT: &str = "/v1/chat/completions";
const PAGE: &str = "https://chat.example";

fn with(server: ServerConfig) -> Server {
    Server::with(Setup { server, ..Setup::default() })
}

fn shared_with(origins: &[&str]) -> Server {
    let allowed_origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    let api_keys = Some(ApiKeys::parse("sk-one").unwrap());
    with(ServerConfig { allowed_origins, api_keys, ..ServerConfig::default() })
}

/// What a browser asks before it lets a page ask.
fn preflight(server: &Server, origin: &str) -> http::Response {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "authorization,content-type,x-stainless-lang"),
    ];
    http::request(server.address, "OPTIONS", CHAT, &headers, b"")
}

/// What a page asks.
fn ask(server: &Server, origin: &str, key: &str) -> http::Response {
    let key = format!("Bearer {key}");
    let headers =
        [("Origin", origin), ("Content-Type", "application/json"), ("Authorization", &*key)];
    let body = chat_body("think", json!({ "stream": true })).to_string();
    http::request(server.address, "POST", CHAT, &headers, body.as_bytes())
}

fn allowed(response: &http::Response) -> Option<&str> {
    assert_eq!(response.header("Access-Control-Allow-Credentials"), None);
    response.header("Access-Control-Allow-Origin")
}

#[test]
fn no_other_page_may_ask_unless_told() {
    let server = Server::start();
    let refused = preflight(&server, PAGE);
    refused.error(405);
    for response in [refused, ask(&server, PAGE, "any"), server.get("/health")] {
        assert_eq!(allowed(&response), None);
        assert_eq!(response.header("Vary"), None);
    }
}

#[test]
fn pages_of_named_origins_may_ask_and_others_may_not() {
    let server = shared_with(&[PAGE, "http://localhost:3000"]);
    for origin in [PAGE, "http://localhost:3000"] {
        let told = preflight(&server, origin);
        assert_eq!((told.status, allowed(&told)), (200, Some(origin)), "no key is needed to know");
        let methods = told.header("Access-Control-Allow-Methods").unwrap();
        assert_eq!(methods, "GET,POST,DELETE");
        let headers = told.header("Access-Control-Allow-Headers").unwrap();
        assert_eq!(headers, "authorization,content-type,x-stainless-lang");
        assert_eq!(told.header("Access-Control-Max-Age"), Some("600"));

        let answer = ask(&server, origin, "sk-one");
        assert_eq!(allowed(&answer), Some(origin));
        assert!(answer.header("Vary").unwrap().contains("origin"), "no cache mixes origins up");
        assert!(!answer.chunks().is_empty());
        let refusal = ask(&server, origin, "sk-other");
        refusal.error(401);
        assert_eq!(allowed(&refusal), Some(origin), "a page reads why it was refused");
        let exposed = refusal.header("Access-Control-Expose-Headers").unwrap();
        assert!(exposed.contains("retry-after"), "{exposed}");
    }
    for other in
        ["https://evil.example", "http://chat.example", "https://chat.example:8443", "null"]
    {
        assert_eq!(allowed(&preflight(&server, other)), None, "{other}");
        assert_eq!(allowed(&ask(&server, other, "sk-one")), None, "{other}");
    }
}

#[test]
fn a_star_is_every_origin() {
    let server = shared_with(&[PAGE, "*"]);
    for origin in [PAGE, "https://other.example", "null"] {
        assert_eq!(allowed(&preflight(&server, origin)), Some("*"));
        assert_eq!(allowed(&ask(&server, origin, "sk-one")), Some("*"));
    }
}

/// Asks by another name.
fn call(server: &Server, name: &str) -> [http::Response; 3] {
    let headers = [("Host", name), ("Content-Type", "application/json")];
    let body = chat_body("think", json!({})).to_string();
    let ask =
        |method, path, body: &[u8]| http::request(server.address, method, path, &headers, body);
    [ask("GET", "/", b""), ask("GET", "/v1/models", b""), ask("POST", CHAT, body.as_bytes())]
}

#[test]
fn a_page_whose_name_leads_here_is_refused_where_nothing_else_guards() {
    let server = Server::start();
    for name in ["localhost:8000", "127.0.0.1", "[::1]:8000", "192.168.1.5"] {
        assert!(call(&server, name).iter().all(|response| response.status == 200), "{name}");
    }
    for response in call(&server, "Evil.example:8000") {
        let error = response.error(403);
        assert_eq!(error["code"], "host_not_allowed");
        let message = error["message"].as_str().unwrap();
        assert!(message.ends_with("--allowed-host evil.example"), "{message}");
    }
    let shared = with(ServerConfig {
        allowed_origins: vec!["*".parse().unwrap()],
        ..ServerConfig::default()
    });
    let preflight = [("Host", "evil.example"), ("Origin", "http://evil.example")];
    http::request(shared.address, "OPTIONS", CHAT, &preflight, b"").error(403);
}

#[test]
fn a_name_that_was_given_is_answered() {
    let allowed_hosts = vec!["chat.example".parse().unwrap()];
    let server = with(ServerConfig { allowed_hosts, ..ServerConfig::default() });
    for name in ["chat.example", "Chat.Example:443", "localhost"] {
        assert!(call(&server, name).iter().all(|response| response.status == 200), "{name}");
    }
    for response in call(&server, "evil.example") {
        response.error(403);
    }
}

#[test]
fn where_a_key_is_needed_every_name_is_answered() {
    let api_keys = Some(ApiKeys::parse("sk-one").unwrap());
    let server = with(ServerConfig { api_keys, ..ServerConfig::default() });
    assert_eq!(call(&server, "chat.example").map(|response| response.status), [200, 401, 401]);
}
