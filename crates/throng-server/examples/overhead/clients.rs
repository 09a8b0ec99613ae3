//! Clients that read an answer after another as it comes, and as cheaply as they can.

use std::io;
use std::net::SocketAddr;
use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::model::HEADER_TOKENS;
use crate::options::Options;
use crate::served::MODEL;

/// The name of the thread that all clients share.
pub const THREAD: &str = "clients";
/// How often those who wait look whether a client has failed.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes that a client takes at once.
const BUFFER: usize = 64 << 10;
/// Events of an answer besides its tokens: whose turn it is, why it ended, and `[DONE]`.
const OTHER_EVENTS: usize = 3;
/// The end of a body in chunks.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// What clients have seen so far.
#[derive(Clone, Copy, Default)]
pub struct Seen {
    /// Tokens with text.
    pub tokens: u64,
    /// Reads that gave something.
    pub reads: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Sub for Seen {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            tokens: self.tokens - before.tokens,
            reads: self.reads - before.reads,
            bytes: self.bytes - before.bytes,
        }
    }
}

/// Clients that run.
pub struct Clients(Arc<Shared>);

#[derive(Default)]
struct Shared {
    tokens: AtomicU64,
    reads: AtomicU64,
    bytes: AtomicU64,
    stopped: AtomicBool,
    failure: Mutex<Option<String>>,
}

impl Clients {
    /// Has as many as `options` say ask the server there, on a thread of their own. Their first
    /// answers end one after the other, so that later ones begin at different times.
    pub fn start(address: SocketAddr, options: &Options) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (streams, tokens) = (options.streams, options.tokens);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let all = shared.clone();
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            let tasks: Vec<_> = (0..streams)
                .map(|stream| {
                    let first = (tokens * (stream + 1) / streams).max(HEADER_TOKENS + 1);
                    runtime.spawn(one(address, first, tokens, all.clone()))
                })
                .collect();
            runtime.block_on(async {
                for task in tasks {
                    let ended = task.await.unwrap_or_else(|panic| Err(panic.to_string()));
                    if let Err(failure) = ended {
                        *all.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
                    }
                }
            });
        })?;
        Ok(Self(shared))
    }

    /// What they have seen so far, all together.
    pub fn seen(&self) -> Seen {
        let Shared { tokens, reads, bytes, .. } = &*self.0;
        let [tokens, reads, bytes] =
            [tokens, reads, bytes].map(|count| count.load(Ordering::Relaxed));
        Seen { tokens, reads, bytes }
    }

    /// Lets them read for so long.
    ///
    /// # Errors
    /// One has failed, in words.
    pub fn wait(&self, time: Duration) -> Result<(), String> {
        let begun = std::time::Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()) {
            std::thread::sleep(left.min(LOOK));
            if let Some(failure) =
                self.0.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
            {
                return Err(format!("a client: {failure}"));
            }
        }
        Ok(())
    }

    /// Lets them leave, in the middle of their answers.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}

/// One client: an answer of `first` tokens, then answers of `tokens` until it is told to leave.
async fn one(
    address: SocketAddr,
    first: usize,
    tokens: usize,
    shared: Arc<Shared>,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let mut buffer = vec![0; BUFFER];
    let mut tokens_of_answer = first;
    while !shared.stopped.load(Ordering::Relaxed) {
        stream.write_all(&request(address, tokens_of_answer)).await.map_err(text)?;
        answer(&mut stream, &mut buffer, tokens_of_answer - HEADER_TOKENS, &shared).await?;
        tokens_of_answer = tokens;
    }
    Ok(())
}

fn request(address: SocketAddr, tokens: usize) -> Vec<u8> {
    let body = format!(
        r#"{{"model":"{MODEL}","messages":[{{"role":"user","content":"Say words."}}],"stream":true,"max_tokens":{tokens},"ignore_eos":true}}"#
    );
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {address}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Reads an answer to its end; it must have so many tokens with text, each in an event of its own.
async fn answer(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    tokens: usize,
    shared: &Shared,
) -> Result<(), String> {
    let (mut events, mut tail) = (0, Vec::new());
    while !shared.stopped.load(Ordering::Relaxed) {
        let read = stream.read(buffer).await.map_err(|error| error.to_string())?;
        let bytes = &buffer[..read];
        if read == 0 || tail.is_empty() && !bytes.starts_with(b"HTTP/1.1 200 ") {
            return Err(format!("no answer: {}", String::from_utf8_lossy(bytes)));
        }
        // An empty line ends an event, and nothing else has one that begins with a bare line feed.
        let before = events;
        let split = tail.last() == Some(&b'\n') && bytes[0] == b'\n';
        events += bytes.windows(2).filter(|pair| *pair == b"\n\n").count() + usize::from(split);
        let shown = |events: usize| events.saturating_sub(1).min(tokens) as u64;
        shared.tokens.fetch_add(shown(events) - shown(before), Ordering::Relaxed);
        shared.reads.fetch_add(1, Ordering::Relaxed);
        shared.bytes.fetch_add(read as u64, Ordering::Relaxed);
        tail.extend_from_slice(&bytes[read.saturating_sub(LAST_CHUNK.len())..]);
        tail.drain(..tail.len().saturating_sub(LAST_CHUNK.len()));
        if tail == LAST_CHUNK {
            return match events {
                _ if events == tokens + OTHER_EVENTS => Ok(()),
                _ => Err(format!("an answer of {tokens} tokens had {events} events")),
            };
        }
    }
    Ok(())
}
