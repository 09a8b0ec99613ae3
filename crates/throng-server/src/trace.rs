//! What a request took, step by step, for whoever follows requests from one program to the next.
//! Nothing of what was asked or answered is in it, and no key.

use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};

use crate::metrics::Report;
use crate::outcome::Tokens;

/// A request to the API that is over.
#[derive(Clone, Debug)]
pub struct RequestTrace {
    /// The span that it is a part of, as its header `traceparent` says (W3C Trace Context).
    pub traceparent: Option<String>,
    /// What tracers on its way have added, as `tracestate` says.
    pub tracestate: Option<String>,
    /// Its name in `x-request-id` and in the log.
    pub id: String,
    /// The method.
    pub method: String,
    /// The endpoint as the table of routes has it.
    pub route: String,
    /// The status that its client was told; 499: it left before.
    pub status: u16,
    /// Whose it was.
    pub tenant: Option<Arc<str>>,
    /// The model that was asked; `None`: it did not come so far.
    pub model: Option<String>,
    /// When its head was there.
    pub begun: SystemTime,
    /// When its answer's last byte was handed to the connection.
    pub ended: SystemTime,
    /// Tokens of its answers; `None`: the engine was not asked.
    pub tokens: Option<TracedTokens>,
    /// Its answers, in the order in which they ended.
    pub answers: Vec<AnswerTrace>,
}

/// Tokens of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedTokens {
    /// Of its prompts.
    pub prompt: usize,
    /// Of those, tokens that the prefix cache had.
    pub cached: usize,
    /// Of its answers, the reasoning included.
    pub completion: usize,
    /// Of the reasoning.
    pub reasoning: usize,
}

impl From<&Tokens> for TracedTokens {
    fn from(tokens: &Tokens) -> Self {
        let Tokens { prompt, cached, completion, reasoning, .. } = *tokens;
        Self { prompt, cached, completion, reasoning }
    }
}

/// One of its answers.
#[derive(Clone, Debug)]
pub struct AnswerTrace {
    /// When the engine was asked for it.
    pub submitted: SystemTime,
    /// When it no longer waited; `None`: it did not come so far.
    pub started: Option<SystemTime>,
    /// When its first token was there.
    pub first_token: Option<SystemTime>,
    /// When it ended.
    pub ended: SystemTime,
    /// Tokens of its prompt.
    pub prompt_tokens: usize,
    /// Of those, tokens that the prefix cache had.
    pub cached_tokens: usize,
    /// Tokens of the answer.
    pub completion_tokens: usize,
    /// How it ended, as the log says it.
    pub finish: &'static str,
}

/// Where traces go.
#[derive(Clone)]
pub struct Tracer(Arc<dyn Fn(RequestTrace) + Send + Sync>);

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").finish_non_exhaustive()
    }
}

impl Tracer {
    /// A tracer that hands each trace to `take`, on threads that serve connections: it must not
    /// wait.
    pub fn new(take: impl Fn(RequestTrace) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

/// What an exchange knows of its request in the end: the members of a trace by their names.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) status: u16,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) model: Option<String>,
    pub(crate) tokens: Option<TracedTokens>,
    pub(crate) answers: Vec<AnswerTrace>,
}

/// A request that is traced and not over.
#[derive(Debug)]
pub(crate) struct Traced {
    tracer: Tracer,
    traceparent: Option<String>,
    tracestate: Option<String>,
    route: String,
    /// One moment on both clocks: differences need the one, traces the other.
    begun: (Instant, SystemTime),
}

impl Traced {
    /// A request that comes, if it is one to the API: pages and probes are not traced.
    pub(crate) fn begin(tracer: Option<&Tracer>, request: &Request) -> Option<Self> {
        let route = request.extensions().get::<MatchedPath>()?.as_str();
        if request.method() != Method::POST && !route.starts_with("/v1/") {
            return None;
        }
        let header = |name| text(request.headers(), name);
        Some(Self {
            tracer: tracer?.clone(),
            traceparent: header("traceparent"),
            tracestate: header("tracestate"),
            route: route.to_owned(),
            begun: (Instant::now(), SystemTime::now()),
        })
    }

    fn wall(&self, at: Instant) -> SystemTime {
        let (instant, time) = self.begun;
        time + at.saturating_duration_since(instant)
    }

    /// An answer that has just ended.
    pub(crate) fn answer(&self, report: &Report) -> AnswerTrace {
        let at = |since| self.wall(report.submitted + since);
        AnswerTrace {
            submitted: self.wall(report.submitted),
            started: report.queued.map(at),
            first_token: report.first_token.map(at),
            ended: self.wall(Instant::now()),
            prompt_tokens: report.prompt_tokens,
            cached_tokens: report.cached_tokens,
            completion_tokens: report.tokens,
            finish: report.finish,
        }
    }

    /// The request is over, and this is known of it.
    pub(crate) fn end(self, known: Known) {
        let (begun, ended) = (self.begun.1, self.wall(Instant::now()));
        let Known { id, method, status, tenant, model, tokens, answers } = known;
        let Self { tracer, traceparent, tracestate, route, .. } = self;
        (tracer.0)(RequestTrace {
            traceparent,
            tracestate,
            id,
            method,
            route,
            status,
            tenant,
            model,
            begun,
            ended,
            tokens,
            answers,
        });
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
