//! `POST /tokenize`: what a prompt is to the model. The form is vLLM's.

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::serving::Serving;
use crate::{blocking, body, chat_completions, completions};

/// The route's handler.
pub(crate) async fn create(serving: Serving, request: Request) -> Result<Response, ApiError> {
    let body = body::read(request).await?;
    let (app, bytes) = (serving.app.clone(), body.len());
    // Writing hundreds of thousands of numbers takes its time too.
    blocking::run(bytes, move || {
        let tokens = token_ids(&body, &app)?;
        let (count, max_model_len) = (tokens.len(), app.context());
        let answer = json!({ "count": count, "max_model_len": max_model_len, "tokens": tokens });
        Ok(Json(answer).into_response())
    })
    .await?
}

/// Token ids of a body's `prompt`, or of its `messages`, as the endpoints that answer them make
/// them. They may be more than the model's context holds: to know that, people count.
fn token_ids(body: &[u8], app: &App) -> Result<Vec<u32>, ApiError> {
    let mut fields = Fields::parse(body)?;
    if let Some(model) = fields.string("model")? {
        app.check_model(&model)?;
    }
    fields.refuse(&[(
        "return_token_strs",
        json!(false),
        "/detokenize says what token ids stand for",
    )])?;
    match (fields.has("prompt"), fields.has("messages")) {
        (true, true) => Err(ApiError::invalid("messages", "cannot be there beside 'prompt'")),
        (false, true) => of_messages(fields, app),
        (_, false) => of_prompt(fields, app),
    }
}

fn of_prompt(mut fields: Fields, app: &App) -> Result<Vec<u32>, ApiError> {
    let prompt = fields.string("prompt")?;
    let prompt = fields.required("prompt", prompt)?;
    let alone = fields.boolean("add_special_tokens")?.unwrap_or(true);
    fields.finish()?;
    completions::encode(&prompt, alone, app)
}

fn of_messages(mut fields: Fields, app: &App) -> Result<Vec<u32>, ApiError> {
    let asks = fields.boolean("add_generation_prompt")?.unwrap_or(true);
    fields.refuse(&[
        ("add_special_tokens", json!(false), "the chat format says which there are"),
        ("continue_final_message", json!(false), "the model's turn is always a new one"),
        ("chat_template", Value::Null, "the model has its own"),
        ("mm_processor_kwargs", json!({}), "the model reads text alone"),
    ])?;
    let chat = chat_completions::format(app)?;
    let (conversation, _) = chat_completions::conversation(&mut fields, app)?;
    fields.finish()?;
    let ids = if asks {
        chat.render_within(&conversation, app.context()).map(|prompt| prompt.ids)
    } else {
        chat.render_history(&conversation, app.context())
    };
    ids.map_err(|error| chat_completions::unrenderable(error, app.context(), "messages"))
}
