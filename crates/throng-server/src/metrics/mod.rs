//! `GET /metrics`: what happens here, for Prometheus. Names and bucket boundaries are vLLM's where
//! it has the same quantity, under our prefix, so that its dashboards need another prefix only.

mod engine;
mod exposition;
mod histogram;
mod http;
mod pace;
mod request;
mod speculation;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use self::exposition::Exposition;
pub(crate) use self::exposition::MEDIA_TYPE;
use self::histogram::Histogram;
use self::http::Requests;
use self::pace::Pace;
use self::request::Outcome;
pub(crate) use self::request::{Observed, Report};
use crate::error::ApiError;
use crate::state::ServerState;

/// Seconds to a first token.
const FIRST_TOKEN: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    20.0, 40.0, 80.0, 160.0, 640.0, 2560.0,
];
/// Seconds from token to token.
const TOKEN: &[f64] = &[
    0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0,
    40.0, 80.0,
];
/// Seconds that a request spends in one state or another.
const LATENCY: &[f64] = &[
    0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0,
    480.0, 960.0, 1920.0, 7680.0,
];
/// Tokens of a request. vLLM's end with the model's context, ours never change.
const TOKENS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0,
    20_000.0, 50_000.0, 100_000.0,
];

/// What the server itself counts; the rest the engine knows.
#[derive(Debug)]
pub(crate) struct Metrics {
    first_token: Histogram,
    inter_token: Histogram,
    per_token: Histogram,
    whole: Histogram,
    queued: Histogram,
    inference: Histogram,
    prefill: Histogram,
    decode: Histogram,
    prompt_tokens: Histogram,
    generation_tokens: Histogram,
    /// Answers by outcome, in the order of [`Outcome::ALL`].
    outcomes: Mutex<[u64; Outcome::ALL.len()]>,
    pace: Mutex<Pace>,
    /// Answers that are being measured.
    open: AtomicUsize,
    /// All requests.
    pub(crate) requests: Requests,
    /// Tenants with a series of their own, if not all may have one.
    listed: Option<Mutex<Vec<Arc<str>>>>,
}

impl Metrics {
    /// Of a server that has done nothing yet; `known_tenants`: an operator decides how many tenants
    /// there are, and not who asks.
    pub(crate) fn new(known_tenants: bool) -> Arc<Self> {
        Arc::new(Self {
            first_token: Histogram::new(FIRST_TOKEN),
            inter_token: Histogram::new(TOKEN),
            per_token: Histogram::new(TOKEN),
            whole: Histogram::new(LATENCY),
            queued: Histogram::new(LATENCY),
            inference: Histogram::new(LATENCY),
            prefill: Histogram::new(LATENCY),
            decode: Histogram::new(LATENCY),
            prompt_tokens: Histogram::new(TOKENS),
            generation_tokens: Histogram::new(TOKENS),
            outcomes: Mutex::default(),
            pace: Mutex::default(),
            open: AtomicUsize::new(0),
            requests: Requests::default(),
            listed: (!known_tenants).then(Mutex::default),
        })
    }

    /// Seconds after which a client that finds `waiting` requests before its own may find none.
    pub(crate) fn wait_seconds(&self, waiting: usize) -> u64 {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).seconds(waiting)
    }

    fn write(&self, to: &mut Exposition) {
        self.requests.write(to);
        let outcomes = *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut family = to.counter("request_success_total", "Answers that ended, by reason.");
        for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
            family.sample(&[("finished_reason", outcome.name())], count as f64);
        }
        let histograms = [
            (&self.first_token, "time_to_first_token_seconds", "From request to first token."),
            (&self.inter_token, "inter_token_latency_seconds", "From token to token."),
            (
                &self.per_token,
                "request_time_per_output_token_seconds",
                "From token to token, on average over an answer.",
            ),
            (&self.whole, "e2e_request_latency_seconds", "From request to last token."),
            (&self.queued, "request_queue_time_seconds", "From request to first step."),
            (&self.inference, "request_inference_time_seconds", "From first step to last token."),
            (&self.prefill, "request_prefill_time_seconds", "From first step to first token."),
            (&self.decode, "request_decode_time_seconds", "From first token to last token."),
            (&self.prompt_tokens, "request_prompt_tokens", "Tokens of a prompt."),
            (&self.generation_tokens, "request_generation_tokens", "Tokens of an answer."),
        ];
        for (histogram, name, help) in histograms {
            let (counts, sum) = histogram.snapshot();
            to.histogram(name, help, histogram.bounds(), &counts, sum);
        }
    }
}

/// The route's handler.
pub(crate) async fn show(State(state): State<ServerState>) -> Result<Response, ApiError> {
    let app = state.lifecycle.app().cloned().ok_or_else(ApiError::loading)?;
    let model = app.model.id.clone();
    let bandwidth = app.memory_bandwidth;
    // The engine answers between two steps of the model.
    let stats = tokio::task::spawn_blocking(move || app.engine.stats())
        .await
        .map_err(|_| ApiError::internal("The engine's counts could not be read"))?;
    let mut text = Exposition::new(&model);
    engine::write(&mut text, &stats);
    speculation::write(&mut text, &stats.speculation);
    engine::write_reading(&mut text, &stats, bandwidth);
    let listed = state.metrics.listed.as_ref();
    engine::write_tenants(&mut text, &stats, listed);
    state.metrics.write(&mut text);
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text.finish()).into_response())
}
