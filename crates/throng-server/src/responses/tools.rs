//! What a request says of functions, in the flat shape that they have here.

use serde_json::{Value, json};
use throng_chat::Tool;

use crate::chat_completions::{MAX_TOOLS, function};
use crate::error::ApiError;
use crate::fields::Fields;

/// What was asked, read.
#[derive(Debug)]
pub(super) struct Tools {
    /// The functions that the model is told of.
    pub(super) told: Vec<Tool>,
    /// `tools`, as an answer repeats it.
    pub(super) tools: Vec<Value>,
    /// `tool_choice` likewise.
    pub(super) choice: Value,
    /// `parallel_tool_calls` likewise.
    pub(super) parallel: bool,
}

/// Takes `tools`, `tool_choice` and `parallel_tool_calls` out of a body.
pub(super) fn take(fields: &mut Fields) -> Result<Tools, ApiError> {
    // As for chats: in Harmony a model makes one call, then waits; others are not held to one.
    let parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
    let (mut told, mut tools) = (Vec::new(), Vec::new());
    for (path, value) in fields.array("tools")?.into_iter().flatten() {
        tools.push(value.clone());
        told.push(tool(Fields::object(path, value)?)?);
    }
    if told.len() > MAX_TOOLS {
        return Err(ApiError::invalid("tools", format_args!("has more than {MAX_TOOLS} entries")));
    }
    let choice = choose(fields, &mut told)?;
    Ok(Tools { told, tools, choice, parallel })
}

fn tool(mut fields: Fields) -> Result<Tool, ApiError> {
    let kind = fields.string("type")?;
    let kind = fields.required("type", kind)?;
    if kind != "function" {
        let why = format_args!("'{kind}', where only 'function' is");
        return Err(ApiError::unsupported(&fields.path("type"), why));
    }
    fields.refuse(&[
        ("defer_loading", json!(false), "the model is told of all functions"),
        ("allowed_callers", json!(["direct"]), "only the model itself calls"),
        ("output_schema", Value::Null, "the model is not told of it"),
        ("async", json!(false), "a call is answered before the model goes on"),
    ])?;
    let tool = function(&mut fields)?;
    fields.finish()?;
    Ok(tool)
}

/// Takes `tool_choice`: leaves those functions that the model may call.
fn choose(fields: &mut Fields, told: &mut Vec<Tool>) -> Result<Value, ApiError> {
    let path = fields.path("tool_choice");
    let choice = fields.value("tool_choice").unwrap_or_else(|| json!("auto"));
    match choice.as_str() {
        Some("auto") => {}
        // What the model is not told of it does not call.
        Some("none") => told.clear(),
        _ if choice["type"] == "allowed_tools" && choice["mode"] == "auto" => {
            allow(Fields::object(path, choice.clone())?, told)?;
        }
        _ => {
            let why = "a call cannot be forced, only 'auto', 'none' or 'allowed_tools'";
            return Err(ApiError::unsupported(&path, why));
        }
    }
    Ok(choice)
}

/// `allowed_tools`: the model is told of these only.
fn allow(mut fields: Fields, told: &mut Vec<Tool>) -> Result<(), ApiError> {
    fields.ignore(&["type", "mode"]);
    let tools = fields.array("tools")?;
    let mut names = Vec::new();
    for (path, value) in fields.required("tools", tools)? {
        let mut tool = Fields::object(path, value)?;
        let kind = tool.string("type")?;
        let name = tool.string("name")?;
        let name = tool.required("name", name)?;
        let is_offered = told.iter().any(|tool| tool.name == name);
        if tool.required("type", kind)? != "function" || !is_offered {
            let message = format_args!("'{name}' is none of the functions in 'tools'");
            return Err(ApiError::invalid(&tool.path("name"), message));
        }
        tool.finish()?;
        names.push(name);
    }
    fields.finish()?;
    told.retain(|tool| names.contains(&tool.name));
    Ok(())
}
