//! A server's life from its first connection to its last answer.

use std::io::BufReader;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use throng_engine::EngineConfig;
use throng_server::{Notice, ServerConfig};

use crate::hostile::begin_stream;
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

fn endless(drain_timeout: Duration) -> Setup {
    let server = ServerConfig { drain_timeout, ..ServerConfig::default() };
    Setup { context: 100_000, server, ..Setup::default() }
}

/// A server with an answer that would take minutes, and its reader.
fn busy(drain_timeout: Duration) -> (Server, BufReader<TcpStream>) {
    let server = Server::with(endless(drain_timeout));
    let reader = begin_stream(&server, ENDLESS);
    (server, reader)
}

fn rest(mut reader: BufReader<TcpStream>) -> String {
    let mut rest = Vec::new();
    while let Some(chunk) = http::read_chunk(&mut reader) {
        rest.extend(chunk);
    }
    String::from_utf8(rest).unwrap()
}

fn assert_health(server: &Server, status: u16, word: &str) {
    let health = server.get("/health");
    assert_eq!((health.status, health.text()), (status, &*json!({ "status": word }).to_string()));
}

#[test]
fn a_model_that_loads_is_no_silence() {
    let (server, loaded) = Server::loading(Setup::default());
    assert_health(&server, 503, "loading");
    for refused in [server.get("/v1/models"), server.chat("think", json!({}))] {
        let error = refused.error(503);
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("server_error"), &json!("model_loading"))
        );
        let seconds = refused.header("Retry-After").unwrap().parse::<u32>().unwrap();
        assert!(seconds > 0);
    }
    assert_eq!(server.get("/").status, 200, "the page waits with its reader");
    server.get("/v1/nonsense").error(404);
    drop(loaded);
    server.wait_until_ready();
    assert_health(&server, 200, "ok");
    server.chat("think", json!({})).ok();
}

#[test]
fn a_server_that_still_loads_ends_at_once() {
    let (server, loaded) = Server::loading(Setup::default());
    assert_health(&server, 503, "loading");
    server.stop();
    assert!(loaded.is_closed(), "nobody waits for the model any more");
}

#[test]
fn an_idle_server_ends_without_waiting() {
    let server = Server::with(endless(Duration::MAX));
    server.chat("think", json!({})).ok();
    server.stop();
}

#[test]
fn while_answers_end_well_new_requests_are_refused() {
    let (mut server, mut reader) = busy(Duration::from_secs(3600));
    server.begin_shutdown();
    assert_eq!(server.notice(), Notice::Draining(1));
    assert_health(&server, 503, "draining");
    let refused = server.chat("think", json!({}));
    assert_eq!(refused.error(503)["code"], "service_unavailable");
    assert!(refused.header("Retry-After").is_some());
    assert_eq!(refused.header("Connection"), Some("close"));
    for _ in 0..100 {
        assert!(http::read_chunk(&mut reader).is_some(), "the answer that ran goes on");
    }
    drop(reader);
    // It was the last.
    server.stop();
}

#[test]
fn an_answer_that_ends_while_draining_is_whole() {
    let mut server = Server::start();
    let reader = begin_stream(&server, ENDLESS);
    server.begin_shutdown();
    let rest = rest(reader);
    assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    server.stop();
}

#[test]
fn a_stream_that_outlasts_the_drain_ends_with_an_error() {
    let (mut server, reader) = busy(Duration::ZERO);
    server.begin_shutdown();
    let rest = rest(reader);
    let last = rest.trim_end().lines().last().unwrap();
    assert!(last.starts_with("data: {\"error\"") && last.contains("shutting down"), "{last}");
    server.stop();
}

#[test]
fn an_answer_in_one_piece_that_outlasts_the_drain_is_503() {
    let mut server = Server::with(endless(Duration::ZERO));
    let body = chat_body(ENDLESS, json!({})).to_string();
    let stream = http::send(server.address, "/v1/chat/completions", &body);
    server.wait_until(|stats| stats.running == 1);
    server.begin_shutdown();
    let refused = http::read_response(stream);
    assert_eq!(refused.error(503)["message"], "The server is shutting down");
    server.stop();
}

#[test]
fn an_engine_that_dies_is_told_and_keeps_nobody_waiting() {
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let server = Server::with(Setup { config, dying_after: 50, ..endless(Duration::MAX) });
    let running = begin_stream(&server, ENDLESS);
    let waiting = http::send(
        server.address,
        "/v1/chat/completions",
        &chat_body("think", json!({})).to_string(),
    );
    let rest = rest(running);
    let last = rest.trim_end().lines().last().unwrap();
    assert!(last.contains("{\"error\"") && last.contains("met a bug"), "{last}");
    assert!([500, 503].contains(&http::read_response(waiting).status));
    assert_health(&server, 503, "dead");
    server.chat("think", json!({})).error(503);
    server.stop();
}
