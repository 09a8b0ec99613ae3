//! A request from its head to its answer's last byte: the name it has in headers and in the log, and
//! what is found out about it on the way.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Bytes, Frame, SizeHint};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::connections::Client;
use crate::id;
use crate::metrics::{Metrics, Report};
use crate::outcome::Tokens;
use crate::rate_limits::Quota;
use crate::request_log::RequestLog;
use crate::state::ServerState;
use crate::trace::{AnswerTrace, Known, Traced, TracedTokens};

/// The header that names a request, in both directions.
pub(crate) const REQUEST_ID: &str = "x-request-id";
/// Bytes of a name that a client may give.
const MAX_ID: usize = 128;
/// Characters of a method or a path that are logged.
const MAX_LOGGED: usize = 256;
/// What is logged for a client that was gone before it had a status, as nginx writes it.
const CLIENT_LEFT: u16 = 499;

/// What all who have to do with a request share. The log's line is written when the last of them is
/// done with it, however the request ends.
#[derive(Clone, Debug)]
pub(crate) struct Exchange(Arc<Record>);

#[derive(Debug)]
struct Record {
    id: HeaderValue,
    method: String,
    path: String,
    /// As the table of routes has the path; `None`: it leads nowhere.
    route: Option<String>,
    begun: Instant,
    metrics: Arc<Metrics>,
    log: Option<RequestLog>,
    trace: Option<Traced>,
    seen: Mutex<Seen>,
}

/// What is known so far.
#[derive(Debug, Default)]
struct Seen {
    tenant: Option<Arc<str>>,
    quota: Option<Quota>,
    status: Option<StatusCode>,
    /// The sums over its answers; `None`: the engine was not asked.
    tokens: Option<Tokens>,
    /// Of the first answer that got so far.
    queued: Option<Duration>,
    first_token: Option<Duration>,
    /// How its answers ended, each way once.
    finish: Vec<&'static str>,
    /// What only traces have.
    model: Option<String>,
    answers: Vec<AnswerTrace>,
}

impl Exchange {
    /// A request that has just come.
    fn begin(request: &Request, state: &ServerState) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        Self(Arc::new(Record {
            id: request_id(request.headers()),
            method: loggable(request.method().as_str()),
            path: loggable(request.uri().path()),
            route: route.map(|route| route.as_str().to_owned()),
            begun: Instant::now(),
            metrics: state.metrics.clone(),
            log: state.log.clone(),
            trace: Traced::begin(state.tracer.as_ref(), request),
            seen: Mutex::default(),
        }))
    }

    /// It is known whose it is, and what may be asked with its key.
    pub(crate) fn identified(&self, tenant: &Arc<str>, quota: &Quota) {
        let mut seen = self.seen();
        seen.tenant = Some(tenant.clone());
        seen.quota = Some(quota.clone());
    }

    /// This model is to answer it.
    pub(crate) fn asks(&self, model: &str) {
        if self.0.trace.is_some() {
            self.seen().model = Some(model.to_owned());
        }
    }

    /// Its answer begins: the head gets what every head has.
    fn begins(&self, status: StatusCode, headers: &mut HeaderMap) {
        headers.insert(REQUEST_ID, self.0.id.clone());
        let mut seen = self.seen();
        seen.status = Some(status);
        if let Some(quota) = &seen.quota {
            quota.write(headers);
        }
    }

    /// One of its answers has ended. `leads`: the prompt is counted with it.
    pub(crate) fn answered(&self, report: &Report, leads: bool, reasoning: usize) {
        let answer = self.0.trace.as_ref().map(|trace| trace.answer(report));
        let mut seen = self.seen();
        seen.answers.extend(answer);
        let tokens = seen.tokens.get_or_insert_default();
        if leads {
            tokens.prompt += report.prompt_tokens;
            tokens.cached += report.cached_tokens;
        }
        tokens.completion += report.tokens;
        tokens.reasoning += reasoning;
        seen.queued = earlier(seen.queued, report.queued);
        seen.first_token = earlier(seen.first_token, report.first_token);
        if !seen.finish.contains(&report.finish) {
            seen.finish.push(report.finish);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// The name that the client gave its request, if it can stand in a header and a log as it is, or a
/// new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let usable = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_ID).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
    };
    headers.get(REQUEST_ID).filter(usable).cloned().unwrap_or_else(|| {
        HeaderValue::try_from(id::unique("req")).expect("letters and digits fit a header")
    })
}

/// What a client wrote, in as much as a log can bear it.
fn loggable(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(MAX_LOGGED).map(plain).collect()
}

impl Record {
    fn members(&self, seen: &Seen) -> Map<String, Value> {
        let ms = |time: Duration| json!(time.as_micros() as f64 / 1e3);
        let tokens = |of: fn(&Tokens) -> usize| json!(seen.tokens.as_ref().map(of));
        let members = [
            ("time", json!(format!("{:.3}", Timestamp::now()))),
            ("id", json!(String::from_utf8_lossy(self.id.as_bytes()))),
            ("tenant", json!(seen.tenant.as_deref())),
            ("method", json!(self.method)),
            ("path", json!(self.path)),
            ("status", json!(seen.status())),
            ("prompt_tokens", tokens(|tokens| tokens.prompt)),
            ("cached_tokens", tokens(|tokens| tokens.cached)),
            ("completion_tokens", tokens(|tokens| tokens.completion)),
            ("reasoning_tokens", tokens(|tokens| tokens.reasoning)),
            ("queue_ms", json!(seen.queued.map(ms))),
            ("first_token_ms", json!(seen.first_token.map(ms))),
            ("duration_ms", ms(self.begun.elapsed())),
            ("finish_reason", json!((!seen.finish.is_empty()).then(|| seen.finish.join(",")))),
        ];
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

impl Seen {
    fn status(&self) -> u16 {
        self.status.map_or(CLIENT_LEFT, |status| status.as_u16())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let seen = std::mem::take(self.seen.get_mut().unwrap_or_else(PoisonError::into_inner));
        self.metrics.requests.count(self.route.as_deref(), seen.status());
        if let Some(log) = &self.log {
            log.add(self.members(&seen));
        }
        if let Some(trace) = self.trace.take() {
            trace.end(Known {
                id: String::from_utf8_lossy(self.id.as_bytes()).into_owned(),
                method: std::mem::take(&mut self.method),
                status: seen.status(),
                tenant: seen.tenant,
                model: seen.model,
                tokens: seen.tokens.as_ref().map(TracedTokens::from),
                answers: seen.answers,
            });
        }
    }
}

/// Follows every request, whatever answers it.
pub(crate) async fn follow(
    State(state): State<ServerState>,
    mut request: Request,
    next: Next,
) -> Response {
    let exchange = Exchange::begin(&request, &state);
    request.extensions_mut().insert(exchange.clone());
    let client = request.extensions().get::<Client>().cloned();
    if let Some(client) = client.as_ref().filter(|_| request.body().is_end_stream()) {
        client.has_asked();
    }
    let mut response = next.run(request).await;
    exchange.begins(response.status(), response.headers_mut());
    response.map(|body| Body::new(Followed { body, client, _exchange: exchange }))
}

/// An answer's body, with which the exchange ends.
struct Followed {
    body: Body,
    client: Option<Client>,
    _exchange: Exchange,
}

impl Drop for Followed {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            client.is_answered();
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{REQUEST_ID, loggable, request_id};

    #[test]
    fn a_name_that_cannot_stand_in_a_log_is_replaced() {
        let long = "x".repeat(129);
        let id = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(bytes).unwrap());
            request_id(&headers).to_str().unwrap().to_owned()
        };
        for good in ["a", "0f3b-77", "req_1/2:3", &long[..128]] {
            assert_eq!(id(good.as_bytes()), good);
        }
        for bad in [&b""[..], b"a b", b"a\tb", b"\xc3\xa9", long.as_bytes()] {
            assert!(id(bad).starts_with("req-"), "{bad:?}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn what_is_logged_of_a_path_is_short_and_plain() {
        assert_eq!(loggable("/v1/modèls\u{9b}"), "/v1/mod?ls?");
        assert_eq!(loggable(&"x".repeat(10_000)).len(), 256);
    }
}
