//! `input`: a text, or a list of items.

use std::sync::Arc;

use serde_json::{Value, json};
use throng_chat::ToolCall;

use super::item::{Item, Kind, Role};
use super::store::Library;
use crate::error::ApiError;
use crate::fields::{Fields, elements};

/// Takes `input` out of a body. Items that it refers to are looked up in `library`.
pub(super) fn take(fields: &mut Fields, library: &Library) -> Result<Vec<Arc<Item>>, ApiError> {
    let path = fields.path("input");
    let values = match fields.value("input") {
        None => return Err(ApiError::missing(&path)),
        Some(Value::String(text)) => {
            let kind = Kind::Message { role: Role::User, text, logprobs: Vec::new() };
            return Ok(vec![Arc::new(Item::whole(None, kind))]);
        }
        Some(Value::Array(values)) => values,
        Some(other) => {
            return Err(ApiError::mistyped(&path, "a string or an array of items", &other));
        }
    };
    if values.is_empty() {
        return Err(ApiError::invalid(&path, "is empty"));
    }
    elements(path, values)
        .map(|(path, value)| item(Fields::object(path, value)?, library))
        .collect()
}

fn item(mut fields: Fields, library: &Library) -> Result<Arc<Item>, ApiError> {
    let kind = fields.string("type")?;
    let kind = match kind {
        // Messages and references need not say what they are.
        None if fields.has("role") => "message".to_owned(),
        None if fields.has("id") => "item_reference".to_owned(),
        kind => fields.required("type", kind)?,
    };
    let path = fields.path("id");
    let id = fields.string("id")?;
    if kind == "item_reference" {
        let id = fields.required("id", id)?;
        fields.finish()?;
        return library.item(&id).ok_or_else(|| ApiError::item_not_found(&path, &id));
    }
    // Whether it was whole when it was shown; what is here is what there is.
    fields.ignore(&["status"]);
    let kind = match kind.as_str() {
        "message" => message(&mut fields)?,
        "reasoning" => reasoning(&mut fields)?,
        "function_call" => call(&mut fields)?,
        "function_call_output" => call_output(&mut fields)?,
        other => {
            let why = format_args!("'{other}', where only messages, thoughts and functions are");
            return Err(ApiError::unsupported(&fields.path("type"), why));
        }
    };
    fields.finish()?;
    Ok(Arc::new(Item::whole(id, kind)))
}

fn message(fields: &mut Fields) -> Result<Kind, ApiError> {
    let name = fields.string("role")?;
    let name = fields.required("role", name)?;
    let role = Role::named(&name).ok_or_else(|| {
        let message =
            format_args!("must be 'user', 'system', 'developer' or 'assistant', not '{name}'");
        ApiError::invalid(&fields.path("role"), message)
    })?;
    // Whether a text of the model's is the last word follows from what comes after it.
    fields.ignore(&["phase"]);
    let text = text(fields, "content")?;
    Ok(Kind::Message { role, text, logprobs: Vec::new() })
}

/// A thought: its own text, or where a client has none, its summary.
fn reasoning(fields: &mut Fields) -> Result<Kind, ApiError> {
    let encrypted = fields.value("encrypted_content").is_some();
    let content = thoughts(fields, "content", "reasoning_text")?;
    let summary = thoughts(fields, "summary", "summary_text")?;
    let text = if content.is_empty() { summary } else { content };
    if text.is_empty() && encrypted {
        let why = "only its writer can read it; here reasoning is in 'content'";
        return Err(ApiError::unsupported(&fields.path("encrypted_content"), why));
    }
    Ok(Kind::Reasoning(text.join("\n")))
}

fn thoughts(fields: &mut Fields, key: &str, kind: &str) -> Result<Vec<String>, ApiError> {
    let Some(parts) = fields.array(key)? else { return Ok(Vec::new()) };
    let text = |(path, value)| {
        let mut part = Fields::object(path, value)?;
        let own = part.string("type")?;
        if part.required("type", own)? != kind {
            return Err(ApiError::invalid(&part.path("type"), format_args!("must be '{kind}'")));
        }
        let text = part.string("text")?;
        let text = part.required("text", text)?;
        part.finish()?;
        Ok(text)
    };
    parts.map(text).collect()
}

fn call(fields: &mut Fields) -> Result<Kind, ApiError> {
    refuse_callers(fields)?;
    fields.refuse(&[("async", json!(false), "a call is answered before the model goes on")])?;
    let id = fields.string("call_id")?;
    let id = fields.required("call_id", id)?;
    let name = fields.string("name")?;
    let name = fields.required("name", name)?;
    let arguments = fields.string("arguments")?;
    let arguments = fields.required("arguments", arguments)?;
    Ok(Kind::Call(ToolCall { id, name, arguments }))
}

fn call_output(fields: &mut Fields) -> Result<Kind, ApiError> {
    refuse_callers(fields)?;
    // The call says which function it was.
    fields.ignore(&["name"]);
    let call_id = fields.string("call_id")?;
    let call_id = fields.required("call_id", call_id)?;
    Ok(Kind::CallOutput { call_id, output: text(fields, "output")? })
}

fn refuse_callers(fields: &mut Fields) -> Result<(), ApiError> {
    fields.refuse(&[
        ("namespace", Value::Null, "functions have none here"),
        ("caller", json!({ "type": "direct" }), "only the model itself calls"),
    ])
}

/// Text, or parts of text, which are one after another without anything between.
fn text(fields: &mut Fields, key: &str) -> Result<String, ApiError> {
    let path = fields.path(key);
    match fields.value(key) {
        None => Err(ApiError::missing(&path)),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(parts)) => elements(path, parts)
            .map(|(path, value)| part(Fields::object(path, value)?))
            .collect::<Result<String, _>>(),
        Some(other) => Err(ApiError::mistyped(&path, "a string or an array of parts", &other)),
    }
}

fn part(mut fields: Fields) -> Result<String, ApiError> {
    let kind = fields.string("type")?;
    match fields.required("type", kind)?.as_str() {
        // A mark in the prompt cache changes nothing: every prompt is looked up.
        "input_text" => fields.ignore(&["prompt_cache_breakpoint"]),
        "output_text" => {
            let why = "the prompt has no place for them";
            fields.refuse(&[("annotations", json!([]), why)])?;
            fields.ignore(&["logprobs"]);
        }
        other => {
            let why = format_args!("'{other}', the model reads text alone");
            return Err(ApiError::unsupported(&fields.path("type"), why));
        }
    }
    let text = fields.string("text")?;
    let text = fields.required("text", text)?;
    fields.finish()?;
    Ok(text)
}
