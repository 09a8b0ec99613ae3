//! `GET /v1/models`: what is served.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};
use throng_chat::Chat;

use crate::app::App;
use crate::error::ApiError;
use crate::serving::Serving;

/// `GET /v1/models`.
pub(crate) async fn list(serving: Serving) -> Json<Value> {
    Json(json!({ "object": "list", "data": [describe(&serving.app)] }))
}

/// `GET /v1/models/{id}`; an id may contain slashes.
pub(crate) async fn one(serving: Serving, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
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
