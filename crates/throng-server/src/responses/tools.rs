//! What a request says of functions, in the flat shape that they have here.

use serde_json::{Value, json};
use throng_chat::{Calls, Function, Tool};

use crate::chat_completions::{MAX_TOOLS, function, function_type, is_required, keep};
use crate::error::ApiError;
use crate::fields::Fields;

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
    let choice = choose(fields, &mut calls)?;
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

/// Takes `tool_choice`: whether a call is demanded, and of which functions.
fn choose(fields: &mut Fields, calls: &mut Calls) -> Result<Value, ApiError> {
    let path = fields.path("tool_choice");
    let choice = fields.value("tool_choice").unwrap_or_else(|| json!("auto"));
    match &choice {
        Value::String(name) if name == "none" => {}
        Value::String(name) => calls.required = is_required(&path, name)?,
        Value::Object(_) => chosen(Fields::object(path.clone(), choice.clone())?, calls)?,
        other => return Err(ApiError::mistyped(&path, "a string or an object", other)),
    }
    if calls.required && calls.functions.is_empty() {
        return Err(ApiError::invalid(&path, "needs 'tools'"));
    }
    Ok(choice)
}

/// A choice of functions: one by its name, or several of which one may or must be called.
fn chosen(mut fields: Fields, calls: &mut Calls) -> Result<(), ApiError> {
    let path = fields.path("type");
    let kind = fields.string("type")?;
    match fields.required("type", kind)?.as_str() {
        "function" => {
            calls.required = true;
            keep(vec![named(&mut fields)?], calls)?;
        }
        "allowed_tools" => {
            let mode = fields.string("mode")?.unwrap_or_else(|| "auto".to_owned());
            calls.required = is_required(&fields.path("mode"), &mode)?;
            let tools = fields.array("tools")?;
            let tools = fields.required("tools", tools)?.map(|(path, value)| {
                let mut tool = Fields::object(path, value)?;
                function_type(&mut tool)?;
                let name = named(&mut tool)?;
                tool.finish().map(|()| name)
            });
            keep(tools.collect::<Result<_, _>>()?, calls)?;
        }
        other => {
            let message = format_args!("'{other}', where only 'function' and 'allowed_tools' are");
            return Err(ApiError::unsupported(&path, message));
        }
    }
    fields.finish()
}

/// The name of a function, and where it stands.
fn named(fields: &mut Fields) -> Result<(String, String), ApiError> {
    let name = fields.string("name")?;
    Ok((fields.path("name"), fields.required("name", name)?))
}
