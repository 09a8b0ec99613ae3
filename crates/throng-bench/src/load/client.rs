//! Requests to an OpenAI-compatible server, whose answers are streams that are timed as they come.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::config::Config;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::answer::{check, header, text};
use super::chunk::Chunk;
use super::error::LoadError;
use super::exchange::{Exchange, Outcome};
use super::failure::{Failure, short};
use super::sse::Parser;
use super::target::{ApiKey, Url};

/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a stream at most: a peer that does not obey `max_tokens` must not fill the memory.
const MAX_STREAM_BYTES: usize = 64 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// How often somebody who sleeps looks whether all is over.
const LOOK: Duration = Duration::from_millis(20);

/// How a client treats the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Reads all there is.
    #[default]
    Patient,
    /// Leaves if the answer's head has not come by then.
    LeavesBeforeHead(Duration),
    /// Leaves after so many pieces.
    LeavesAfter(usize),
    /// Waits so long before each read, so that the server's writes wait too.
    ReadsSlowly(Duration),
    /// Reads nothing for so long once the answer's head is there, then leaves.
    Stalls(Duration),
}

impl Conduct {
    /// Its clients, for reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::LeavesBeforeHead(_) => "hasty",
            Self::LeavesAfter(_) => "leaving",
            Self::ReadsSlowly(_) => "slow",
            Self::Stalls(_) => "stalling",
        }
    }
}

/// Speaks with one server, from any number of threads.
pub struct Client {
    agent: Agent,
    url: Url,
    hung_up: AtomicBool,
}

impl Client {
    /// A client of the server at `url`, which gives up where nothing comes for `timeout`.
    ///
    /// Every request has a connection of its own, whose making counts as the server's time. Some
    /// servers close a connection after a stream without saying so before: a request that went out
    /// on one just then would fail, and not by the server's fault.
    pub fn new(url: Url, timeout: Duration) -> Self {
        Self::with(url, timeout, None)
    }

    /// The same, where an answer must be there as a whole within `timeout`, however it comes.
    pub(crate) fn brisk(url: Url, timeout: Duration) -> Self {
        Self::with(url, timeout, Some(timeout))
    }

    fn with(url: Url, timeout: Duration, whole: Option<Duration>) -> Self {
        let mut config = Agent::config_builder()
            .user_agent("throng/".to_owned() + env!("CARGO_PKG_VERSION"))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .timeout_global(whole)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout));
        if url.is_loopback() {
            config = config.proxy(None);
        }
        let config: Config = config.build();
        Self { agent: config.into(), url, hung_up: AtomicBool::new(false) }
    }

    /// Ends everything: those who wait for the server are woken, and whatever comes now fails.
    pub(crate) fn hang_up(&self) {
        if !self.hung_up.swap(true, Ordering::SeqCst) {
            self.agent.clone().shutdown();
        }
    }

    /// An address of the API, for messages.
    pub(crate) fn address(&self, path: &str) -> String {
        self.url.api(path)
    }

    /// Whether all is over.
    pub(crate) fn is_hung_up(&self) -> bool {
        self.hung_up.load(Ordering::SeqCst)
    }

    /// Sleeps until then, or until all is over.
    pub(crate) fn sleep_until(&self, then: Instant) {
        while !self.is_hung_up() {
            let left = then.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    /// The first model of the server's list.
    ///
    /// # Errors
    /// The server does not answer, or names none.
    pub fn first_model(&self, key: Option<&ApiKey>) -> Result<String, LoadError> {
        let url = self.url.api("/models");
        let fail = |failure| LoadError::Server { url: url.clone(), failure };
        let text = self.get(&url, key).map_err(fail)?;
        let list: Value = serde_json::from_str(&text)
            .map_err(|error| fail(Failure::Malformed(error.to_string())))?;
        list["data"][0]["id"].as_str().map(str::to_owned).ok_or(LoadError::NoModel)
    }

    /// The server's metrics; `None` where it has none.
    pub(crate) fn metrics(&self, key: Option<&ApiKey>) -> Option<String> {
        self.get(&self.url.beside("/metrics"), key).ok()
    }

    fn get(&self, url: &str, key: Option<&ApiKey>) -> Result<String, Failure> {
        self.call(url, key).and_then(check).and_then(text)
    }

    /// The status and the body of whatever is at `path` beside the API.
    pub(crate) fn fetch(&self, path: &str, key: Option<&ApiKey>) -> Result<(u16, String), Failure> {
        let response = self.call(&self.url.beside(path), key)?;
        Ok((response.status().as_u16(), text(response)?))
    }

    fn call(&self, url: &str, key: Option<&ApiKey>) -> Result<Response<Body>, Failure> {
        let mut request = self.agent.get(url);
        if let Some(key) = key {
            request = request.header("Authorization", key.header());
        }
        request.call().map_err(|error| Failure::before_head(&error))
    }

    /// Posts a body that asks for a stream, and reads the stream. `sent` is when the request was
    /// due: times count from there.
    pub(crate) fn stream(
        &self,
        path: &str,
        body: &Value,
        key: Option<&ApiKey>,
        conduct: Conduct,
        sent: Instant,
    ) -> Exchange {
        let mut exchange = Exchange::new(sent);
        let outcome = self.converse(path, body, key, conduct, &mut exchange);
        exchange.total = sent.elapsed();
        exchange.outcome = match outcome {
            Ok(outcome) => outcome,
            Err(_) if self.is_hung_up() => Outcome::Left,
            Err(failure) => Outcome::Failed(failure),
        };
        exchange
    }

    fn converse(
        &self,
        path: &str,
        body: &Value,
        key: Option<&ApiKey>,
        conduct: Conduct,
        exchange: &mut Exchange,
    ) -> Result<Outcome, Failure> {
        let mut request = self.agent.post(self.url.api(path));
        request = request.header("Content-Type", "application/json");
        request = request.header("Accept", "text/event-stream");
        if let Some(key) = key {
            request = request.header("Authorization", key.header());
        }
        let answer = match conduct {
            Conduct::LeavesBeforeHead(after) => {
                let hasty = request.config().timeout_recv_response(Some(after)).build();
                match hasty.send(body.to_string()) {
                    Err(ureq::Error::Timeout(_)) => return Ok(Outcome::Left),
                    answer => answer,
                }
            }
            _ => request.send(body.to_string()),
        };
        let response = check(answer.map_err(|error| Failure::before_head(&error))?)?;
        let kind = header(response.headers(), "content-type").unwrap_or("").to_owned();
        if !kind.starts_with("text/event-stream") {
            let start = short(&text(response)?);
            return Err(Failure::Malformed(format!("content type {kind:?}: {start}")));
        }
        if let Conduct::Stalls(pause) = conduct {
            self.sleep_until(Instant::now() + pause);
            return Ok(Outcome::Left);
        }
        read(response.into_body().into_reader(), conduct, exchange)
    }
}

/// Reads a stream to its end, or as far as the conduct goes.
fn read(
    mut stream: impl Read,
    conduct: Conduct,
    exchange: &mut Exchange,
) -> Result<Outcome, Failure> {
    let mut parser = Parser::default();
    let mut buffer = vec![0; READ_BYTES];
    let (mut bytes, mut is_over) = (0, false);
    let mut events = Vec::new();
    loop {
        if let Conduct::ReadsSlowly(pause) = conduct {
            std::thread::sleep(pause);
        }
        let count = match stream.read(&mut buffer) {
            Ok(count) => count,
            // Peers that cut the connection after `[DONE]` have said all.
            Err(_) if is_over => 0,
            Err(error) => return Err(Failure::in_body(&error)),
        };
        let at = exchange.sent.elapsed();
        bytes += count;
        if bytes > MAX_STREAM_BYTES {
            return Err(Failure::Malformed(format!("more than {MAX_STREAM_BYTES} bytes")));
        }
        if count == 0 {
            events.extend(std::mem::take(&mut parser).finish());
        } else {
            let pushed = parser.push(&buffer[..count], &mut events);
            pushed.map_err(|error| Failure::Malformed(error.to_string()))?;
        }
        for event in events.drain(..) {
            let chunk = Chunk::read(&event)?;
            is_over |= chunk.ends;
            exchange.usage = chunk.usage.or(exchange.usage);
            exchange.content.push_str(&chunk.content);
            if chunk.shows {
                exchange.piece(at);
            }
        }
        match conduct {
            Conduct::LeavesAfter(pieces) if exchange.pieces >= pieces => return Ok(Outcome::Left),
            _ if count > 0 => {}
            _ if is_over => return Ok(Outcome::Completed),
            _ => return Err(Failure::BrokenOff("it ended without saying so".to_owned())),
        }
    }
}
