//! What a request says of functions, in the flat shape that they have here.

use serde_json::{Value, json};
use throng_chat::{Calls, Function, Tool};

use crate::chat_completions::{MAX_TOOLS, function, function_type};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::tool_choice::{self, Shape};

/// What was asked, read.
#[derive(Debug)]
pub(super) struct Tools {
    /// The functions that the model is told of.
    pub(super) told: Vec<Tool>,
    /// Which of them it may call, and whether it must.
    pub(super) calls: Calls,
    /// `tools`, as an answer repeats it.
    pub(super) tools: Vec<Value>,
    /// `tool_choice` likewise.
    pub(super) choice: Value,
    /// `parallel_tool_calls` likewise.
    pub(super) parallel: bool,
}

/// Takes `tools`, `tool_choice` and `parallel_tool_calls` out of a body.
pub(super) fn take(fields: &mut Fields) -> Result<Tools, ApiError> {
    let parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
    let (mut told, mut functions, mut tools) = (Vec::new(), Vec::new(), Vec::new());
    for (path, value) in fields.array("tools")?.into_iter().flatten() {
        tools.push(value.clone());
        let (tool, function) = tool(Fields::object(path, value)?)?;
        told.push(tool);
        functions.push(function);
    }
    if told.len() > MAX_TOOLS {
        return Err(ApiError::invalid("tools", format_args!("has more than {MAX_TOOLS} entries")));
    }
    let mut calls = Calls { functions, single: !parallel, ..Calls::default() };
    let choice = tool_choice::take(fields, &mut calls, Shape::Flat)?;
    if choice == "none" {
        // What the model is not told of it does not call.
        (told, calls) = Default::default();
    }
    Ok(Tools { told, calls, tools, choice, parallel })
}

fn tool(mut fields: Fields) -> Result<(Tool, Function), ApiError> {
    function_type(&mut fields)?;
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
