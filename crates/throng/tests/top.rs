//! `throng top --once` beside `throng serve` with the built-in model.

#![cfg(all(unix, feature = "top"))]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use common::{command, fail, succeed};

/// A server that goes when the test does.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut child = command(&["serve", "--port", "0"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut printed = BufReader::new(child.stderr.take().unwrap());
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            printed.read_line(line).unwrap();
        }
        let address = lines[0].trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address }
    }

    /// Asks with a key for an answer of so many tokens, and leaves the answer to be read.
    fn ask(&self, key: &str, tokens: usize, stream: bool) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        let body = format!(
            r#"{{"model":"nano","prompt":"One","max_tokens":{tokens},"ignore_eos":true,"stream":{stream}}}"#
        );
        let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        let head =
            format!("{head}Authorization: Bearer {key}\r\nContent-Type: application/json\r\n");
        write!(connection, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        connection
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line that begins so.
fn line<'a>(screen: &'a str, start: &str) -> &'a str {
    let found = screen.lines().find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line begins with {start:?}:\n{screen}"))
}

#[test]
fn a_server_at_work_is_seen_at_work() {
    let server = Server::start();
    let mut said = String::new();
    server.ask("first", 7, false).read_to_string(&mut said).unwrap();
    assert!(said.contains("\"completion_tokens\":7"), "{said}");
    let mut endless = server.ask("second", 100_000, true);
    endless.read_exact(&mut [0; 1000]).unwrap();
    let url = format!("http://{}/v1", server.address);
    let screen = succeed(&["top", "--url", &url, "--bandwidth", "50", "--once"], b"");
    let first = screen.lines().next().unwrap();
    assert!(first.starts_with("nano  ok  up ") && first.ends_with(&server.address), "{screen}");
    assert!(line(&screen, "answers").contains("1 running   0 waiting"), "{screen}");
    // It writes now, and memory is read for it.
    for start in ["writes", "steps"] {
        let number: f64 = line(&screen, start).split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(number > 0.0, "{screen}");
    }
    let memory = line(&screen, "memory");
    assert!(memory.contains("B/s ") && memory.contains(" of 50.0 GB/s"), "{screen}");
    let rate: f64 = memory.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(rate > 0.0, "{screen}");
    assert!(line(&screen, "KV full").contains("cached of"), "{screen}");
    assert!(line(&screen, "KV window").contains("cached of"), "{screen}");
    assert!(line(&screen, "ended").contains("1 length"), "{screen}");
    let tenants: Vec<_> = screen.lines().filter(|line| line.starts_with("key-")).collect();
    assert_eq!(tenants.len(), 2, "{screen}");
    assert_eq!(screen.lines().find(|line| line.chars().count() > 80), None, "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen}");
}

#[test]
fn a_server_that_cannot_be_seen_is_an_error_with_a_way_out() {
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    // Standard output is no terminal, so it looks once anyway.
    let error = fail(&["top", "--url", &url], &format!("{url}: no connection"));
    assert!(error.contains("`throng serve` starts a server"), "{error}");
    let error = fail(&["top", "--url", &url, "--api-key", "sk-secret\r"], "API key");
    assert!(!error.contains("secret"), "{error}");
}
