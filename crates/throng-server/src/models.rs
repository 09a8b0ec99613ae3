//! `GET /v1/models`: what is served.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use throng_chat::Chat;

use crate::app::App;
use crate::error::ApiError;
use crate::segment::Segment;
use crate::serving::Serving;
use crate::state::ServerState;
use crate::tenants::Caller;

/// `GET /v1/models`: those that the key may ask.
pub(crate) async fn list(
    caller: Caller,
    State(state): State<ServerState>,
) -> Result<Json<Value>, ApiError> {
    let (app, _running) = state.lifecycle.enter()?;
    let models: Vec<Value> =
        caller.may_ask(&app.model).then(|| describe(&app)).into_iter().collect();
    Ok(Json(json!({ "object": "list", "data": models })))
}

/// `GET /v1/models/{id}`; an id may contain slashes.
pub(crate) async fn one(serving: Serving, Segment(id): Segment) -> Result<Json<Value>, ApiError> {
    serving.app.check_model(&id)?;
    Ok(Json(describe(&serving.app)))
}

fn describe(app: &App) -> Value {
    let efforts = app.chat.as_ref().map(Chat::efforts).unwrap_or_default();
    json!({
        "id": app.model.id,
        "object": "model",
        "created": app.model.created,
        "owned_by": "throng",
        // As vLLM names it.
        "max_model_len": app.context(),
        // Those of `reasoning_effort` that make a difference.
        "reasoning_efforts": efforts.iter().map(|effort| effort.name()).collect::<Vec<_>>(),
    })
}
