//! The name of a request, and the line that is logged of it.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use throng_server::{ApiKeys, LogFormat, RequestLog, ServerConfig};

use crate::hostile::begin_stream;
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

/// A test that waits longer for a line has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const CHAT: &str = "/v1/chat/completions";

/// A server that knows alice's key, and the lines of its log.
struct Logged {
    server: Server,
    lines: Mutex<mpsc::Receiver<String>>,
}

impl Logged {
    fn with(format: LogFormat, keys: Option<&str>, context: usize) -> Self {
        let (sender, lines) = mpsc::channel();
        let write = move |line| {
            // A test that wants no more has dropped its end.
            let _ = sender.send(line);
        };
        let config = ServerConfig {
            request_log: Some(RequestLog::new(format, write)),
            api_keys: keys.map(|keys| ApiKeys::parse(keys).unwrap()),
            ..ServerConfig::default()
        };
        let server = Server::with(Setup { server: config, context, ..Setup::default() });
        Self { server, lines: Mutex::new(lines) }
    }

    fn line(&self) -> String {
        self.lines.lock().unwrap().recv_timeout(PATIENCE).unwrap()
    }

    /// The next line, which has no more and no fewer members than any other.
    fn next(&self) -> Value {
        let line: Value = serde_json::from_str(&self.line()).unwrap();
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        let wanted = "time id tenant method path status prompt_tokens cached_tokens \
                      completion_tokens reasoning_tokens queue_ms first_token_ms duration_ms \
                      finish_reason";
        assert_eq!(keys.join(" "), wanted);
        assert!(line["duration_ms"].as_f64().unwrap() >= 0.0);
        line
    }
}

fn json_log() -> Logged {
    Logged::with(LogFormat::Json, None, crate::support::CONTEXT)
}

fn id(response: &http::Response) -> &str {
    response.header("x-request-id").expect("every response has one")
}

#[test]
fn every_response_has_the_name_of_its_request() {
    let server = Server::start();
    let own = |name: &str, path: &str, body: &str| {
        let headers = [("X-Request-Id", name), ("Content-Type", "application/json")];
        http::request(server.address, "POST", path, &headers, body.as_bytes())
    };
    let chat = chat_body("think", json!({})).to_string();
    let stream = chat_body("think", json!({ "stream": true })).to_string();
    for (path, body, status) in
        [(CHAT, &*chat, 200), (CHAT, &*stream, 200), (CHAT, "{", 400), ("/nowhere", "", 404)]
    {
        let response = own("0f3b/7:a-name", path, body);
        assert_eq!((response.status, id(&response)), (status, "0f3b/7:a-name"), "{path} {body}");
        let long = "x".repeat(129);
        for unusable in ["two words", "n\u{e4}me", &long, ""] {
            let replaced = own(unusable, path, body);
            assert!(id(&replaced).starts_with("req-"), "{}", id(&replaced));
        }
    }
    let (one, other) = (server.get("/health"), server.get("/v1/completions"));
    assert_eq!(other.status, 405);
    assert!(id(&one).starts_with("req-") && id(&one) != id(&other));
}

#[test]
fn a_line_says_who_asked_what_it_cost_and_how_it_ended() {
    let logged = json_log();
    let answer = logged.server.post_as("sk-secret", CHAT, &chat_body("think", json!({})));
    let (usage, line) = (&answer.ok()["usage"], logged.next());
    assert_eq!(line["id"], id(&answer));
    assert_eq!((&line["method"], &line["path"]), (&json!("POST"), &json!(CHAT)));
    assert_eq!((&line["status"], &line["finish_reason"]), (&json!(200), &json!("stop")));
    for tokens in ["prompt_tokens", "completion_tokens"] {
        assert_eq!(line[tokens], usage[tokens]);
    }
    let reasoning = &usage["completion_tokens_details"]["reasoning_tokens"];
    assert_eq!(&line["reasoning_tokens"], reasoning);
    assert!(reasoning.as_u64() > Some(0));
    assert!(line["queue_ms"].as_f64() <= line["first_token_ms"].as_f64(), "{line}");
    assert!(line["first_token_ms"].as_f64() <= line["duration_ms"].as_f64(), "{line}");
    let tenant = line["tenant"].as_str().unwrap();
    assert!(tenant.starts_with("key-") && !tenant.contains("secret"), "{tenant}");

    let tools = json!([{ "type": "function", "function": { "name": "calculator" } }]);
    logged.server.chat("calculate", json!({ "stream": true, "tools": tools })).chunks();
    let line = logged.next();
    assert_eq!(
        (&line["finish_reason"], &line["tenant"]),
        (&json!("tool_calls"), &json!("anonymous"))
    );

    // Each prompt is counted once, each answer for itself.
    let several = json!({ "n": 2, "max_tokens": 3 });
    let usage = logged.server.complete(json!(["Once", "Two"]), several).ok()["usage"].clone();
    let line = logged.next();
    for tokens in ["prompt_tokens", "completion_tokens"] {
        assert_eq!(line[tokens], usage[tokens]);
    }
    assert_eq!((&line["finish_reason"], &line["reasoning_tokens"]), (&json!("length"), &json!(0)));
}

#[test]
fn what_is_refused_or_left_is_logged_too() {
    let logged = Logged::with(LogFormat::Json, Some("sk-alice alice"), 100_000);
    logged.server.get("/no/where").error(404);
    let line = logged.next();
    assert_eq!((&line["path"], &line["status"]), (&json!("/no/where"), &json!(404)), "{line}");
    logged.server.post_as("sk-wrong", CHAT, &chat_body("think", json!({}))).error(401);
    let line = logged.next();
    assert_eq!((&line["status"], &line["tenant"]), (&json!(401), &Value::Null));
    logged.server.post_as("sk-alice", CHAT, &chat_body("think", json!({ "n": 0 }))).error(400);
    let line = logged.next();
    assert_eq!((&line["status"], &line["tenant"]), (&json!(400), &json!("alice")));
    assert_eq!((&line["prompt_tokens"], &line["finish_reason"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_client_that_leaves_is_logged_when_it_has_left() {
    let logged = Logged::with(LogFormat::Json, None, 100_000);
    drop(begin_stream(&logged.server, ENDLESS));
    let line = logged.next();
    assert_eq!((&line["status"], &line["finish_reason"]), (&json!(200), &json!("abort")));
    assert!(line["completion_tokens"].as_u64() > Some(0), "{line}");
    // Or the one that is seen to run below might still be this.
    logged.server.wait_until(|stats| stats.running == 0);
    let body = chat_body(ENDLESS, json!({})).to_string();
    let stream = http::send(logged.server.address, CHAT, &body);
    logged.server.wait_until(|stats| stats.running == 1);
    drop(stream);
    let line = logged.next();
    assert_eq!((&line["status"], &line["finish_reason"]), (&json!(499), &json!("abort")));
}

#[test]
fn nothing_that_was_said_and_no_key_is_in_a_line() {
    for format in [LogFormat::Text, LogFormat::Json] {
        for keys in [None, Some("sk-secret alice\nsk-other bob")] {
            let logged = Logged::with(format, keys, crate::support::CONTEXT);
            let body = chat_body("my private words", json!({ "user": "private" }));
            let mut lines = String::new();
            for (key, path) in [
                ("sk-secret", CHAT),
                ("sk-wrong-secret", CHAT),
                ("sk-secret", "/tokenize"),
                ("sk-secret", "/v1/models?api_key=sk-secret"),
            ] {
                logged.server.post_as(key, path, &body);
                lines += &logged.line();
            }
            assert!(lines.contains("POST") && lines.contains(CHAT), "{lines}");
            assert!(!lines.contains("private") && !lines.contains("secret"), "{lines}");
            // Of the answer.
            assert!(!lines.contains("What?"), "{lines}");
        }
    }
}

#[test]
fn a_line_of_text_has_what_there_is() {
    let logged = Logged::with(LogFormat::Text, Some("sk-alice alice"), crate::support::CONTEXT);
    logged.server.get("/health").ok();
    let line = logged.line();
    let keys: Vec<&str> = line.split(' ').map(|word| word.split_once('=').unwrap().0).collect();
    assert_eq!(keys, ["time", "id", "method", "path", "status", "duration_ms"]);
    assert!(line.contains(" method=GET path=/health status=200 "), "{line}");
}
