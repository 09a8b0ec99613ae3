//! Clients that leave, stall, or send what no client should: the server goes on.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::json;
use throng_engine::EngineConfig;

use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

/// Asks for a stream and reads its beginning.
pub fn begin_stream(server: &Server, words: &str) -> BufReader<TcpStream> {
    let body = chat_body(words, json!({ "stream": true })).to_string();
    let mut stream = http::connect(server.address);
    stream.write_all(&http::head("POST", "/v1/chat/completions", &JSON, body.len())).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let (status, _) = http::read_head(&mut reader);
    assert_eq!(status, 200);
    for _ in 0..3 {
        assert!(http::read_chunk(&mut reader).is_some());
    }
    reader
}

/// A server with room for one sequence, whose context would take minutes to fill.
fn one_at_a_time() -> Server {
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    Server::with(Setup { config, context: 100_000, ..Setup::default() })
}

#[test]
fn a_client_that_leaves_its_stream_frees_the_engine() {
    let server = one_at_a_time();
    for _ in 0..3 {
        drop(begin_stream(&server, ENDLESS));
    }
    // It would wait for the endless answers otherwise.
    server.chat("think", json!({})).ok();
}

#[test]
fn a_client_that_leaves_before_its_answer_frees_the_engine() {
    let server = one_at_a_time();
    let body = chat_body(ENDLESS, json!({})).to_string();
    for _ in 0..3 {
        let mut stream = http::connect(server.address);
        stream.write_all(&http::head("POST", "/v1/chat/completions", &JSON, body.len())).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        // Once this is answered, the request above has been read too, or never will be.
        server.get("/health").ok();
    }
    server.chat("think", json!({})).ok();
}

#[test]
fn clients_that_stall_or_leave_keep_nobody_waiting() {
    let server = Server::start();
    let slow: Vec<TcpStream> = (0..50)
        .map(|i| {
            let mut stream = http::connect(server.address);
            // Half a head, or a head and half a body.
            let head = if i % 2 == 0 {
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: t".to_vec()
            } else {
                http::head("POST", "/v1/chat/completions", &JSON, 100)
            };
            stream.write_all(&head).unwrap();
            stream
        })
        .collect();
    server.chat("think", json!({})).ok();
    drop(slow);
    server.chat("think", json!({})).ok();
}

#[test]
fn what_is_no_http_is_answered_as_such() {
    let server = Server::start();
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"hello\r\n\r\n", b"\r\n"] {
        let mut stream = http::connect(server.address);
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // Either a 400 or a closed connection.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    }
    server.get("/health").ok();
}

#[test]
fn a_huge_body_is_refused_as_soon_as_it_is_too_large() {
    let server = Server::start();
    let huge = vec![b' '; (8 << 20) + 1];
    let response = http::request(server.address, "POST", "/v1/chat/completions", &JSON, &huge);
    assert_eq!(response.error(413)["code"], "request_too_large");
    server.chat("think", json!({})).ok();
}

#[test]
fn a_large_body_that_is_allowed_is_read_and_judged() {
    let server = Server::start();
    let error = server.chat(&"x".repeat(7 << 20), json!({})).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
    // Told from its length: encoding so much text would take gigabytes.
    assert!(error["message"].as_str().unwrap().contains("at least"), "{error}");
    let error = server.complete(json!("x".repeat(7 << 20)), json!({})).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
    assert!(error["message"].as_str().unwrap().contains("at least"), "{error}");
    let error = server.complete(json!(vec![7; 1 << 19]), json!({})).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
}
