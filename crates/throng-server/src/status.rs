//! Whether the server is up, and which version it is.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::lifecycle::Phase;
use crate::state::ServerState;

/// `GET /health`: 200 while requests are answered, 503 before and after.
pub(crate) async fn health(State(state): State<ServerState>) -> Response {
    let life = &state.lifecycle;
    let dead = life.app().is_some_and(|app| app.engine.is_closed());
    let (code, status) = match life.phase() {
        Phase::Loading => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
        Phase::Draining | Phase::Closing => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Phase::Ready if dead => (StatusCode::SERVICE_UNAVAILABLE, "dead"),
        Phase::Ready => (StatusCode::OK, "ok"),
    };
    (code, Json(json!({ "status": status }))).into_response()
}

/// `GET /version`.
pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION") }))
}
