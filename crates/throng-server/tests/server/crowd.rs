//! Many clients that leave, and one that does not read.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::json;
use throng_engine::EngineConfig;
use tokio::net::TcpSocket;

use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

/// Clients that vanish, in each of five ways.
const VANISHING: usize = 250;
/// Of them, how many are there at once.
const AT_ONCE: usize = 25;

/// A client that leaves when so much of its request and answer has passed.
fn vanish(server: &Server, way: usize) -> TcpStream {
    let body = chat_body(ENDLESS, json!({ "stream": way == 3 })).to_string();
    let json = [("Content-Type", "application/json")];
    let head = http::head("POST", "/v1/chat/completions", &json, body.len());
    let mut stream = http::connect(server.address);
    match way {
        0 => {}
        1 => stream.write_all(&head[..head.len() / 2]).unwrap(),
        2 => {
            stream.write_all(&head).unwrap();
            stream.write_all(&body.as_bytes()[..body.len() / 2]).unwrap();
        }
        _ => {
            stream.write_all(&head).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            if way == 3 {
                // In the middle of the stream.
                stream.read_exact(&mut [0; 500]).unwrap();
            }
        }
    }
    stream
}

#[test]
fn a_thousand_clients_that_vanish_leave_nothing() {
    let server = Server::with(Setup { context: 100_000, ..Setup::default() });
    for _ in 0..VANISHING / AT_ONCE {
        for way in 0..5 {
            let clients: Vec<_> = (0..AT_ONCE).map(|_| vanish(&server, way)).collect();
            for client in &clients {
                // Some say goodbye, the others are just gone.
                if way % 2 == 0 {
                    let _ = client.shutdown(Shutdown::Both);
                }
            }
        }
    }
    let stats = server.wait_until(|stats| stats.running == 0 && stats.waiting == 0);
    assert_eq!((stats.full.used, stats.window.used), (0, 0), "{stats:?}");
    assert!(stats.finished.cancelled >= VANISHING as u64, "those who were answered were let go");
    server.chat("think", json!({})).ok();
}

/// A client that asks for a stream, whose system takes in little of it, and that reads nothing.
fn begin_unread_stream(server: &Server) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(server.address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    let body = chat_body(ENDLESS, json!({ "stream": true })).to_string();
    let json = [("Content-Type", "application/json")];
    let mut writer = &stream;
    writer.write_all(&http::head("POST", "/v1/chat/completions", &json, body.len())).unwrap();
    writer.write_all(body.as_bytes()).unwrap();
    stream
}

#[test]
fn a_client_that_reads_nothing_is_set_aside_and_the_others_are_served() {
    // One place, which it would keep for the minutes that its context takes.
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let server = Server::with(Setup { config, context: 1_000_000, ..Setup::default() });
    let unread = begin_unread_stream(&server);
    // What the systems of both sides take in, and a thousand events, are all that is made for it.
    server.wait_until(|stats| stats.generated_tokens > 0 && stats.running == 0);
    for _ in 0..3 {
        server.chat("think", json!({})).ok();
    }
    let made = server.engine.stats().generated_tokens;
    assert!(made < 200_000, "{made} tokens for a client that reads none");
    drop(unread);
    let stats = server.wait_until(|stats| stats.running == 0 && stats.waiting == 0);
    assert_eq!((stats.full.used, stats.window.used), (0, 0), "{stats:?}");
}
