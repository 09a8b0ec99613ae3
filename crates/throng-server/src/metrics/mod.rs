//! `GET /metrics`: what happens here, for Prometheus. Names and bucket boundaries are vLLM's where
//! it has the same quantity, under our prefix, so that its dashboards need another prefix only.

mod engine;
mod exposition;
mod http;
mod pace;
mod quantity;
mod request;
mod speculation;

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use throng_engine::Histogram;

use self::exposition::Exposition;
pub(crate) use self::exposition::MEDIA_TYPE;
use self::http::Requests;
use self::pace::Pace;
use self::quantity::{QUANTITIES, Quantity};
use self::request::Outcome;
pub(crate) use self::request::{Observed, Report};
use crate::error::ApiError;
use crate::state::ServerState;

/// What the server itself counts; the rest the engine knows.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// In the order of [`QUANTITIES`].
    quantities: [Mutex<Histogram>; QUANTITIES.len()],
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
            quantities: QUANTITIES.map(|(.., bounds)| Mutex::new(Histogram::new(bounds))),
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

    fn observe(&self, quantity: Quantity, value: f64) {
        let histogram = &self.quantities[quantity as usize];
        histogram.lock().unwrap_or_else(PoisonError::into_inner).observe(value);
    }

    fn write(&self, to: &mut Exposition) {
        self.requests.write(to);
        let outcomes = *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut family = to.counter("request_success_total", "Answers that ended, by reason.");
        for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
            family.sample(&[("finished_reason", outcome.name())], count as f64);
        }
        for ((_, name, help, _), histogram) in QUANTITIES.iter().zip(&self.quantities) {
            let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner).clone();
            to.histogram(name, help, &histogram);
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
