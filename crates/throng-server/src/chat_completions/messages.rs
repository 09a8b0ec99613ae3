//! The messages of a chat request.

use serde_json::Value;
use throng_chat::{Message, ToolCall};

use crate::error::ApiError;
use crate::fields::{Fields, elements};

/// Messages of a conversation at most. None that fits a context comes near.
pub(crate) const MAX_MESSAGES: usize = 1 << 15;
/// Parts of a message's content, and calls of tools in it, at most.
pub(crate) const MAX_PARTS: usize = 1024;

/// Takes `messages` out of a body.
pub(super) fn take(fields: &mut Fields) -> Result<Vec<Message>, ApiError> {
    let path = fields.path("messages");
    let messages = fields.list("messages", MAX_MESSAGES)?;
    let messages = fields
        .required("messages", messages)?
        .map(|(path, value)| message(Fields::object(path, value)?))
        .collect::<Result<Vec<_>, _>>()?;
    if messages.is_empty() {
        return Err(ApiError::invalid(&path, "is empty"));
    }
    Ok(messages)
}

fn message(mut fields: Fields) -> Result<Message, ApiError> {
    let role = fields.string("role")?;
    let role = fields.required("role", role)?;
    // Participants have no names in the prompt.
    fields.ignore(&["name"]);
    let message = match role.as_str() {
        "system" | "developer" => Message::Instructions(required_text(&mut fields)?),
        "user" => Message::User(required_text(&mut fields)?),
        "assistant" => assistant(&mut fields)?,
        "tool" => {
            let call_id = fields.string("tool_call_id")?;
            let call_id = fields.required("tool_call_id", call_id)?;
            Message::ToolResult { call_id, content: required_text(&mut fields)? }
        }
        "function" => {
            let message = "is 'tool' in place of 'function' today, with a 'tool_call_id'";
            return Err(ApiError::invalid(&fields.path("role"), message));
        }
        _ => {
            let message = format_args!(
                "must be 'system', 'developer', 'user', 'assistant' or 'tool', not '{role}'"
            );
            return Err(ApiError::invalid(&fields.path("role"), message));
        }
    };
    fields.finish()?;
    Ok(message)
}

/// A turn that the model took, as a client replays it.
fn assistant(fields: &mut Fields) -> Result<Message, ApiError> {
    fields.refuse(&[
        ("refusal", Value::Null, "this model's refusals are content"),
        ("audio", Value::Null, "only text is spoken here"),
        ("function_call", Value::Null, "it is 'tool_calls' today"),
        ("annotations", Value::Array(Vec::new()), "the prompt has no place for them"),
    ])?;
    let names = [fields.string("reasoning")?, fields.string("reasoning_content")?];
    let reasoning = names.into_iter().flatten().find(|text| !text.is_empty());
    fields.ignore(&MADE_OF_IT);
    let content = text(fields, &REPLAYED)?;
    let tool_calls = match fields.list("tool_calls", MAX_PARTS)? {
        None => Vec::new(),
        Some(calls) => calls
            .map(|(path, value)| tool_call(Fields::object(path, value)?))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if content.is_none() && tool_calls.is_empty() && reasoning.is_none() {
        return Err(ApiError::missing(&fields.path("content")));
    }
    Ok(Message::Assistant { reasoning, content: content.unwrap_or_default(), tool_calls })
}

fn tool_call(mut fields: Fields) -> Result<ToolCall, ApiError> {
    function_type(&mut fields)?;
    // Streamed calls carry it, and clients replay it.
    fields.ignore(&["index"]);
    fields.ignore(&MADE_OF_IT);
    let id = fields.string("id")?;
    let id = fields.required("id", id)?;
    let function = fields.fields("function")?;
    let mut function = fields.required("function", function)?;
    function.ignore(&MADE_OF_IT);
    let name = function.string("name")?;
    let name = function.required("name", name)?;
    let arguments = function.string("arguments")?;
    let arguments = function.required("arguments", arguments)?;
    function.finish()?;
    fields.finish()?;
    Ok(ToolCall { id, name, arguments })
}

/// Takes `type`, which says `function` where it says anything.
pub(crate) fn function_type(fields: &mut Fields) -> Result<(), ApiError> {
    match fields.string("type")?.as_deref() {
        None | Some("function") => Ok(()),
        Some(other) => {
            let why = format_args!("'{other}', where only 'function' is");
            Err(ApiError::unsupported(&fields.path("type"), why))
        }
    }
}

/// What clients make of an answer or of its calls, and replay with it: OpenAI's the first two,
/// litellm the third.
pub(crate) const MADE_OF_IT: [&str; 3] = ["parsed", "parsed_arguments", "provider_specific_fields"];
/// Members of an answer that OpenAI's library for agents replays in the parts of its content as well.
pub(crate) const REPLAYED: [&str; 6] =
    ["annotations", "reasoning", "reasoning_content", "refusal", "role", "tool_calls"];

/// Takes `content`, which must be there.
pub(super) fn required_text(fields: &mut Fields) -> Result<String, ApiError> {
    let text = text(fields, &[])?;
    fields.required("content", text)
}

/// `content`: text, or parts of text, which are one after another without anything between; members
/// of a part that are `ignored` mean nothing.
fn text(fields: &mut Fields, ignored: &[&str]) -> Result<Option<String>, ApiError> {
    let path = fields.path("content");
    match fields.value("content") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(Value::Array(parts)) if parts.len() > MAX_PARTS => {
            Err(ApiError::invalid(&path, format_args!("has more than {MAX_PARTS} entries")))
        }
        Some(Value::Array(parts)) => elements(path, parts)
            .map(|(path, value)| part(Fields::object(path, value)?, ignored))
            .collect::<Result<String, _>>()
            .map(Some),
        Some(other) => Err(ApiError::mistyped(&path, "a string or an array of parts", &other)),
    }
}

fn part(mut fields: Fields, ignored: &[&str]) -> Result<String, ApiError> {
    fields.ignore(ignored);
    let kind = fields.string("type")?;
    let kind = fields.required("type", kind)?;
    if kind != "text" {
        let why = format_args!("'{kind}', the model reads text alone");
        return Err(ApiError::unsupported(&fields.path("type"), why));
    }
    let text = fields.string("text")?;
    let text = fields.required("text", text)?;
    fields.finish()?;
    Ok(text)
}
