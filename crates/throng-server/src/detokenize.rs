//! `POST /detokenize`: what token ids stand for. The form is vLLM's.

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::fields::{Fields, elements};
use crate::sampling::token_id;
use crate::serving::Serving;
use crate::{blocking, body};

/// The route's handler.
pub(crate) async fn create(serving: Serving, request: Request) -> Result<Response, ApiError> {
    let body = body::read(request).await?;
    let (app, bytes) = (serving.app.clone(), body.len());
    blocking::run(bytes, move || Ok(Json(json!({ "prompt": text(&body, &app)? })).into_response()))
        .await?
}

/// The text of a body's `tokens`, special tokens by their names, and U+FFFD in the place of what is
/// not valid UTF-8. No more tokens than the context holds: one of some bytes in the body may stand
/// for hundreds in the answer.
fn text(body: &[u8], app: &App) -> Result<String, ApiError> {
    let mut fields = Fields::parse(body)?;
    if let Some(model) = fields.string("model")? {
        app.check_model(&model)?;
    }
    let tokens = fields.value("tokens");
    let values = match fields.required("tokens", tokens)? {
        Value::Array(values) => values,
        other => return Err(ApiError::mistyped("tokens", "an array of token ids", &other)),
    };
    fields.finish()?;
    let (count, context) = (values.len(), app.context());
    if count > context {
        let message = format_args!("has {count} entries, and the model's context {context} tokens");
        return Err(ApiError::invalid("tokens", message));
    }
    let mut bytes = Vec::new();
    for (path, value) in elements("tokens".to_owned(), values) {
        let id = token_id(&path, &value)?;
        let token = app.tokenizer.token_bytes(id);
        if token.is_empty() {
            return Err(ApiError::invalid(&path, format_args!("is {id}, the id of no token")));
        }
        bytes.extend_from_slice(token);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
