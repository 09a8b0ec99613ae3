//! Requests that give themselves a time.

use serde_json::{Value, json};

use crate::support::script::ENDLESS;
use crate::support::{Server, Setup};

fn endless() -> Server {
    Server::with(Setup { context: 100_000, ..Setup::default() })
}

#[test]
fn an_answer_that_takes_too_long_is_504() {
    let server = endless();
    let error = server.chat(ENDLESS, json!({ "timeout": 0.05 })).error(504);
    assert_eq!(error["type"], "timeout");
    assert_eq!((&error["code"], &error["param"]), (&json!("deadline_exceeded"), &json!("timeout")));
    server.chat("think", json!({ "timeout": 3600 })).ok();
}

#[test]
fn a_stream_that_takes_too_long_ends_with_an_error() {
    let server = endless();
    let response = server.chat(ENDLESS, json!({ "timeout": 0.05, "stream": true }));
    assert_eq!(response.status, 200);
    let last = response.text().trim_end().lines().last().unwrap();
    let event: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(event["error"]["type"], "timeout");
    let stats = server.wait_until(|stats| stats.running == 0);
    assert_eq!(stats.finished.expired, 1);
}
