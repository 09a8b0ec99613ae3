//! Clients that want too much of the server's patience or memory, while others are served.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use throng_server::{ConnectionLimits, ServerConfig};

use crate::hostile::begin_stream;
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

const CHAT: &str = "/v1/chat/completions";
const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];
/// A client that lets the server wait for longer is let go in tests that are about that.
const SHORT: Duration = Duration::from_millis(200);

fn with(connections: ConnectionLimits) -> Server {
    let server = ServerConfig { connections, ..ServerConfig::default() };
    Server::with(Setup { server, context: 100_000, ..Setup::default() })
}

fn crowded(most: usize) -> Server {
    with(ConnectionLimits { most, ..ConnectionLimits::default() })
}

/// Waits until the server has closed a connection on which it said nothing.
#[track_caller]
fn assert_closed(mut stream: &TcpStream) {
    match stream.read(&mut [0; 1]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

/// A connection on which so much of a chat is said.
fn say(server: &Server, bytes: usize) -> TcpStream {
    let body = chat_body("think", json!({})).to_string();
    let mut whole = http::head("POST", CHAT, &JSON, body.len());
    whole.extend(body.as_bytes());
    let mut stream = http::connect(server.address);
    stream.write_all(&whole[..bytes]).unwrap();
    stream
}

#[test]
fn connections_on_which_nothing_is_asked_make_way_for_those_that_come() {
    let server = crowded(8);
    let head = http::head("POST", CHAT, &JSON, 0).len();
    // Some say nothing, some half a head, some a head and half a body.
    let idle: Vec<TcpStream> = (0..40).map(|i| say(&server, [0, 10, head + 5][i % 3])).collect();
    for _ in 0..3 {
        server.chat("think", json!({})).ok();
    }
    idle[..32].iter().for_each(assert_closed);
    drop(idle);
    server.chat("think", json!({})).ok();
}

#[test]
fn an_answer_keeps_its_connection_whoever_comes() {
    let server = crowded(4);
    let mut streams = [(); 2].map(|()| begin_stream(&server, ENDLESS));
    let idle: Vec<TcpStream> = (0..20).map(|_| say(&server, 3)).collect();
    idle[..18].iter().for_each(assert_closed);
    server.chat("think", json!({})).ok();
    for stream in &mut streams {
        for _ in 0..50 {
            assert!(http::read_chunk(stream).is_some());
        }
    }
}

#[test]
fn a_connection_that_was_answered_may_be_asked_again() {
    let server = crowded(4);
    let mut stream = http::connect(server.address);
    let mut reader = std::io::BufReader::new(stream.try_clone().unwrap());
    for _ in 0..3 {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (status, headers) = http::read_head(&mut reader);
        assert_eq!(status, 200);
        let length = headers.iter().find(|(key, _)| key == "content-length").unwrap();
        reader.read_exact(&mut vec![0; length.1.parse().unwrap()]).unwrap();
    }
    // Then it waits like others, and is the first to go.
    let _idle: Vec<TcpStream> = (0..4).map(|_| say(&server, 0)).collect();
    assert_closed(&stream);
}

#[test]
fn a_head_that_comes_byte_by_byte_ends_with_its_time() {
    let limits = ConnectionLimits { head_timeout: SHORT, ..ConnectionLimits::default() };
    let server = with(limits);
    let (silent, mut slow) = (say(&server, 0), say(&server, 1));
    // However often a byte comes. Writing fails once the server has closed.
    while slow.write_all(b"X").is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_closed(&silent);
    server.chat("think", json!({})).ok();
}

#[test]
fn a_body_that_does_not_come_is_408() {
    let limits = ConnectionLimits { body_timeout: SHORT, ..ConnectionLimits::default() };
    let server = with(limits);
    let head = http::head("POST", CHAT, &JSON, 0).len();
    let refused = http::read_response(say(&server, head + 5));
    assert_eq!(refused.error(408)["code"], "request_timeout");
    assert!(refused.header("x-request-id").is_some());
}

#[test]
fn fifty_megabytes_are_refused_and_their_client_reads_why() {
    let server = Server::start();
    let huge = vec![b'['; 50 << 20];
    let refused = http::request(server.address, "POST", CHAT, &JSON, &huge);
    assert_eq!(refused.error(413)["code"], "request_too_large");
    // Without a length, they are found too many when they are.
    let mut stream = http::connect(server.address);
    let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    for part in huge.chunks(1 << 20) {
        stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).unwrap();
        stream.write_all(part).unwrap();
        stream.write_all(b"\r\n").unwrap();
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    http::read_response(stream).error(413);
    // Whoever asks first is told at once, and sends nothing.
    let headers = [JSON[0], ("Expect", "100-continue")];
    let mut stream = http::connect(server.address);
    stream.write_all(&http::head("POST", CHAT, &headers, 50 << 20)).unwrap();
    http::read_response(stream).error(413);
}

#[test]
fn long_bodies_that_never_end_keep_no_short_one_waiting() {
    let server = Server::start();
    let part = vec![b' '; 1 << 20];
    let stalled: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = http::connect(server.address);
            stream.set_nonblocking(true).unwrap();
            stream.write_all(&http::head("POST", CHAT, &JSON, 7 << 20)).unwrap();
            // As much as is taken.
            let _ = stream.write_all(&part);
            stream
        })
        .collect();
    for _ in 0..5 {
        server.chat("think", json!({})).ok();
    }
    drop(stalled);
    let error = server.chat(&"x".repeat(1 << 20), json!({})).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
}

#[test]
fn json_that_is_too_deep_or_too_long_is_400_at_every_endpoint() {
    let server = Server::start();
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let long = format!("[{}0]", "0,".repeat(2 << 20));
    for path in [CHAT, "/v1/completions", "/tokenize", "/detokenize"] {
        for value in [&deep, &long] {
            let body = format!("{{\"model\":\"scripted\",\"prompt\":{value}}}");
            let refused = http::request(server.address, "POST", path, &JSON, body.as_bytes());
            assert_eq!(refused.error(400)["code"], "invalid_json", "{path}");
        }
    }
    let many = |count: usize, value: serde_json::Value| vec![value; count];
    let message = json!({ "role": "user", "content": "x" });
    let messages = many((1 << 15) + 1, message);
    let parts = many(1025, json!({ "type": "text", "text": "x" }));
    for (messages, param) in [
        (json!(messages), "messages"),
        (json!([{ "role": "user", "content": parts }]), "messages[0].content"),
    ] {
        let error = server.chat("", json!({ "messages": messages })).error(400);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!("invalid_value")));
    }
}

#[test]
fn what_is_no_utf_8_is_refused_as_openai_refuses() {
    let server = Server::start();
    let body = b"{\"model\":\"scripted\",\"prompt\":\"\xc3\x28\"}";
    for path in [CHAT, "/v1/completions", "/tokenize", "/detokenize"] {
        let refused = http::request(server.address, "POST", path, &JSON, body);
        assert_eq!(refused.error(400)["code"], "invalid_json", "{path}");
    }
    server.get("/v1/models/%c3%28").error(404);
    server.get("/page/%ff").error(404);
    server.get("/%ff").error(404);
}
