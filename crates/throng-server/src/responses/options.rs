//! The smaller objects of a request: `text`, `reasoning`, `metadata`, `include`, `stream_options`.

use serde_json::{Map, Value, json};
use throng_chat::{Effort, ResponseFormat};

use crate::chat_completions::{effort, json_object, json_schema};
use crate::error::ApiError;
use crate::fields::Fields;

/// Pairs of `metadata` at most, as OpenAI limits them.
pub(crate) const MAX_PAIRS: usize = 16;
/// Characters of a key of `metadata`.
pub(crate) const MAX_KEY: usize = 64;
/// Characters of a value.
pub(crate) const MAX_VALUE: usize = 512;

/// What an answer may hold besides itself, in OpenAI's API. Those that are about what is not here
/// are about nothing.
pub(crate) const INCLUDABLE: [&str; 8] = [
    LOGPROBS,
    "reasoning.encrypted_content",
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
];
const LOGPROBS: &str = "message.output_text.logprobs";

/// Takes `text` out of a body: the form that the answer must have, and what an answer repeats.
pub(super) fn text(fields: &mut Fields) -> Result<(Option<ResponseFormat>, Value), ApiError> {
    let (mut told, mut json) = (None, json!({ "type": "text" }));
    if let Some(mut text) = fields.fields("text")? {
        text.refuse(&[("verbosity", json!("medium"), "the model has no such setting")])?;
        let path = text.path("format");
        if let Some(value) = text.value("format") {
            json = value.clone();
            told = format(Fields::object(path, value)?)?;
        }
        text.finish()?;
    }
    Ok((told, json!({ "format": json, "verbosity": "medium" })))
}

/// As `response_format` of chats, with the schema's members beside its type.
fn format(mut fields: Fields) -> Result<Option<ResponseFormat>, ApiError> {
    let kind = fields.string("type")?;
    let told = match fields.required("type", kind)?.as_str() {
        "text" => None,
        "json_object" => Some(json_object()),
        "json_schema" => Some(json_schema(&mut fields)?),
        _ => {
            let message = "must be 'text', 'json_object' or 'json_schema'";
            return Err(ApiError::invalid(&fields.path("type"), message));
        }
    };
    fields.finish()?;
    Ok(told)
}

/// Takes `reasoning` out of a body: the effort, and what an answer repeats.
pub(super) fn reasoning(fields: &mut Fields) -> Result<(Effort, Value), ApiError> {
    let mut told = Effort::default();
    let mut summary = None;
    if let Some(mut reasoning) = fields.fields("reasoning")? {
        told = effort(&mut reasoning, "effort")?.unwrap_or_default();
        // `auto` is the best that there is, and there is none: the reasoning itself is told.
        let why = "reasoning is told as it is, and not summed up";
        let generate_summary = reasoning.value("generate_summary");
        summary = reasoning.value("summary").or(generate_summary);
        if summary.as_ref().is_some_and(|summary| summary != "auto") {
            return Err(ApiError::unsupported(&reasoning.path("summary"), why));
        }
        let usual = |name: String| ["auto", "current_turn"].contains(&name.as_str());
        if !reasoning.string("context")?.is_none_or(usual) {
            let why = "thoughts are told to the model again until it has answered";
            return Err(ApiError::unsupported(&reasoning.path("context"), why));
        }
        reasoning.refuse(&[("mode", json!("standard"), "there is one way to think")])?;
        reasoning.finish()?;
    }
    Ok((told, json!({ "effort": told.name(), "summary": summary })))
}

/// Takes `metadata` out of a body.
pub(super) fn metadata(fields: &mut Fields) -> Result<Map<String, Value>, ApiError> {
    let path = fields.path("metadata");
    let pairs = match fields.value("metadata") {
        None => return Ok(Map::new()),
        Some(Value::Object(pairs)) => pairs,
        Some(other) => return Err(ApiError::mistyped(&path, "an object", &other)),
    };
    if pairs.len() > MAX_PAIRS {
        return Err(ApiError::invalid(&path, format_args!("has more than {MAX_PAIRS} pairs")));
    }
    for (key, value) in &pairs {
        let text =
            value.as_str().ok_or_else(|| ApiError::mistyped(&path, "pairs of strings", value))?;
        if key.chars().count() > MAX_KEY || text.chars().count() > MAX_VALUE {
            let message = format_args!(
                "has a key of more than {MAX_KEY} or a value of more than {MAX_VALUE} characters"
            );
            return Err(ApiError::invalid(&path, message));
        }
    }
    Ok(pairs)
}

/// Takes `include` out of a body: whether log-probabilities are wanted.
pub(super) fn include(fields: &mut Fields) -> Result<bool, ApiError> {
    let mut logprobs = false;
    for (path, value) in fields.array("include")?.into_iter().flatten() {
        let name = value.as_str().ok_or_else(|| ApiError::mistyped(&path, "a string", &value))?;
        check_includable(&path, name)?;
        logprobs |= name == LOGPROBS;
    }
    Ok(logprobs)
}

/// Refuses what no answer holds in OpenAI's API.
pub(super) fn check_includable(path: &str, name: &str) -> Result<(), ApiError> {
    if INCLUDABLE.contains(&name) {
        return Ok(());
    }
    let message = format_args!("must be one of '{}', not '{name}'", INCLUDABLE.join("', '"));
    Err(ApiError::invalid(path, message))
}

/// Takes `stream` and `stream_options` out of a body.
pub(super) fn stream(fields: &mut Fields) -> Result<bool, ApiError> {
    let stream = fields.boolean("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.fields("stream_options")? {
        if !stream {
            return Err(ApiError::invalid("stream_options", "needs 'stream': true"));
        }
        // As for chats: it would pad what plain HTTP does not hide.
        options.ignore(&["include_obfuscation"]);
        options.finish()?;
    }
    Ok(stream)
}
