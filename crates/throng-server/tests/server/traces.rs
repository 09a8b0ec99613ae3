//! What is told of a request to those who trace it.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use serde_json::json;
use throng_server::{RequestTrace, ServerConfig, TracedTokens, Tracer};

use crate::hostile::begin_stream;
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup};

/// A test that waits longer for a trace has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const CHAT: &str = "/v1/chat/completions";

/// A server whose requests are traced, and their traces.
fn traced(setup: Setup) -> (Server, impl Fn() -> RequestTrace) {
    let (sender, traces) = mpsc::channel();
    let traces = Mutex::new(traces);
    let tracer = Tracer::new(move |trace| {
        // A test that wants no more has dropped its end.
        let _ = sender.send(trace);
    });
    let server = ServerConfig { tracer: Some(tracer), ..setup.server };
    let next = move || traces.lock().unwrap().recv_timeout(PATIENCE).unwrap();
    (Server::with(Setup { server, ..setup }), next)
}

#[test]
fn an_answer_waits_then_reads_then_writes() {
    let (server, next) = traced(Setup::default());
    // Neither a probe nor a path that is not there.
    server.get("/health").ok();
    server.get("/metrics");
    server.get("/nowhere").error(404);
    let id = server.chat("think", json!({})).header("x-request-id").unwrap().to_owned();
    let trace = next();
    assert_eq!((trace.id, &*trace.route, &*trace.method, trace.status), (id, CHAT, "POST", 200));
    assert_eq!(trace.model.as_deref(), Some("scripted"));
    assert_eq!(trace.tenant.as_deref(), Some("anonymous"));
    let [answer] = &trace.answers[..] else { panic!("{:?}", trace.answers) };
    let (started, first) = (answer.started.unwrap(), answer.first_token.unwrap());
    let order = [trace.begun, answer.submitted, started, first, answer.ended, trace.ended];
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(answer.finish, "stop");
    let TracedTokens { prompt, completion, reasoning, .. } = trace.tokens.unwrap();
    assert_eq!((prompt, completion), (answer.prompt_tokens, answer.completion_tokens));
    assert!(prompt > 0 && completion > reasoning && reasoning > 0);
    server.get("/v1/models").ok();
    let trace = next();
    assert_eq!((&*trace.route, trace.tokens), ("/v1/models", None));
}

#[test]
fn what_goes_wrong_is_traced_too() {
    let (server, next) = traced(Setup { failing_after: 5, ..Setup::default() });
    server.chat("think", json!({ "temperature": 9 })).error(400);
    let refused = next();
    assert_eq!((refused.status, refused.answers.len(), refused.tokens), (400, 0, None));
    server.chat("think", json!({ "stream": true }));
    let failed = next();
    assert_eq!((failed.status, failed.answers[0].finish), (200, "error"));
}

#[test]
fn a_client_that_leaves_ends_its_trace() {
    let (server, next) = traced(Setup::default());
    drop(begin_stream(&server, ENDLESS));
    let left = next();
    assert_eq!((left.status, left.answers[0].finish), (200, "abort"));
    assert!(left.answers[0].first_token.is_some());
}
