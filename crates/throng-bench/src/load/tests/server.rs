//! A server that says what a test tells it to, byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Client, Endpoint, Session, Workload};

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    /// The header `Authorization`.
    pub(super) key: String,
    pub(super) body: Value,
}

/// What a server does with a request.
pub(super) enum Reply {
    /// These pieces of an event stream, each flushed by itself.
    Stream(Vec<String>),
    /// These bytes; then the connection is cut.
    Bytes(String),
    /// A stream that begins with this and never ends; until the client leaves.
    Endless(String),
}

/// A server on a port of this machine.
pub(super) struct Server {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Endless streams whose client left.
    left: Arc<Mutex<usize>>,
}

impl Server {
    /// Answers each request by what `reply` says of it and of its number.
    pub(super) fn start(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, left) = (Arc::default(), Arc::default());
        let server = Self { url, seen: Arc::clone(&seen), left: Arc::clone(&left) };
        let reply = Arc::new(reply);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (reply, seen, left) =
                    (Arc::clone(&reply), Arc::clone(&seen), Arc::clone(&left));
                std::thread::spawn(move || serve(stream.unwrap(), &*reply, &seen, &left));
            }
        });
        server
    }

    /// Requests to the API so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many clients have left an endless stream.
    pub(super) fn wait_left(&self, count: usize) {
        while *self.left.lock().unwrap() < count {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn client(&self) -> Client {
        Client::new(self.url.parse().unwrap(), Duration::from_secs(30))
    }

    /// A session of small requests.
    pub(super) fn session(&self, change: impl FnOnce(&mut Workload)) -> Session {
        let mut workload = Workload {
            endpoint: Endpoint::Chat,
            model: "m".to_owned(),
            keys: Vec::new(),
            prompt_tokens: 8,
            token_ids: false,
            max_tokens: 4,
            ignore_eos: false,
            temperature: None,
            seed: 1,
        };
        change(&mut workload);
        Session::open(self.client(), workload, Arc::default()).unwrap()
    }
}

/// One connection, until either side closes it.
fn serve(
    stream: TcpStream,
    reply: &dyn Fn(usize, &Seen) -> Reply,
    all: &Mutex<Vec<Seen>>,
    left: &Mutex<usize>,
) {
    let mut out = stream.try_clone().unwrap();
    let mut input = BufReader::new(stream);
    while let Some(seen) = read(&mut input) {
        let number = {
            let mut all = all.lock().unwrap();
            all.push(seen.clone());
            all.len() - 1
        };
        let done = match reply(number, &seen) {
            Reply::Stream(pieces) => send(&mut out, &pieces, true),
            Reply::Endless(piece) => {
                let _ = send(&mut out, &[piece], false);
                while input.read(&mut [0]).is_ok_and(|count| count > 0) {}
                *left.lock().unwrap() += 1;
                return;
            }
            Reply::Bytes(bytes) => {
                let _ = out.write_all(bytes.as_bytes());
                return;
            }
        };
        if done.is_err() {
            return;
        }
    }
}

/// A chunked stream of events.
fn send(out: &mut TcpStream, pieces: &[String], is_whole: bool) -> std::io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    out.write_all(head.as_bytes())?;
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        write!(out, "{:x}\r\n{piece}\r\n", piece.len())?;
        out.flush()?;
    }
    if is_whole {
        out.write_all(b"0\r\n\r\n")?;
    }
    Ok(())
}

fn read(input: &mut impl BufRead) -> Option<Seen> {
    let mut first = String::new();
    input.read_line(&mut first).ok().filter(|&count| count > 0)?;
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => value.trim().clone_into(&mut key),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(Seen { path: first.split(' ').nth(1)?.to_owned(), key, body })
}

/// An answer of these tokens, in pieces, with the counts at its end.
pub(super) fn answer(tokens: &[&str], prompt: u64, cached: u64) -> Reply {
    let chunk = |choice: Value| format!("data: {}\n\n", json!({ "choices": [choice] }));
    let mut pieces = vec![chunk(json!({ "delta": { "role": "assistant", "content": "" } }))];
    pieces.extend(tokens.iter().map(|token| chunk(json!({ "delta": { "content": token } }))));
    pieces.push(chunk(json!({ "delta": {}, "finish_reason": "stop" })));
    let usage = json!({
        "prompt_tokens": prompt,
        "completion_tokens": tokens.len(),
        "prompt_tokens_details": { "cached_tokens": cached },
    });
    pieces.push(format!("data: {}\n\n", json!({ "choices": [], "usage": usage })));
    pieces.push("data: [DONE]\n\n".to_owned());
    Reply::Stream(pieces)
}

/// An answer whose status is not 200.
pub(super) fn refusal(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n{body}"
    ))
}
