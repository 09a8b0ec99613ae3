//! `tool_choice`: whether an answer must be a call, and of which functions.

use serde_json::{Value, json};
use throng_chat::Calls;

use crate::chat_completions::function_type;
use crate::error::ApiError;
use crate::fields::Fields;

/// How an endpoint writes a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Chats: what is chosen is an object within the choice.
    Nested,
    /// Responses: it is the choice's own members.
    Flat,
}

/// Takes it out of a body, for `calls` of all functions that are offered. Returns it as it was
/// written; `none` is left to the caller.
pub(crate) fn take(
    fields: &mut Fields,
    calls: &mut Calls,
    shape: Shape,
) -> Result<Value, ApiError> {
    let path = fields.path("tool_choice");
    let choice = fields.value("tool_choice").unwrap_or_else(|| json!("auto"));
    match &choice {
        Value::String(name) if name == "none" => {}
        Value::String(name) => calls.required = is_required(&path, name)?,
        Value::Object(_) => chosen(Fields::object(path.clone(), choice.clone())?, calls, shape)?,
        other => return Err(ApiError::mistyped(&path, "a string or an object", other)),
    }
    if calls.required && calls.functions.is_empty() {
        return Err(ApiError::invalid(&path, "needs 'tools'"));
    }
    Ok(choice)
}

/// Whether a choice that names no function demands a call.
fn is_required(path: &str, choice: &str) -> Result<bool, ApiError> {
    match choice {
        "auto" => Ok(false),
        "required" => Ok(true),
        _ => {
            let message = format_args!("must be 'none', 'auto' or 'required', not '{choice}'");
            Err(ApiError::invalid(path, message))
        }
    }
}

/// A choice of functions: one by its name, or several of which one may or must be called.
fn chosen(mut fields: Fields, calls: &mut Calls, shape: Shape) -> Result<(), ApiError> {
    let path = fields.path("type");
    let kind = fields.string("type")?;
    match fields.required("type", kind)?.as_str() {
        "function" => {
            calls.required = true;
            keep(vec![named(&mut fields, shape)?], calls)?;
        }
        "allowed_tools" if shape == Shape::Nested => {
            let allowed = fields.fields("allowed_tools")?;
            let mut allowed = fields.required("allowed_tools", allowed)?;
            allow(&mut allowed, calls, shape)?;
            allowed.finish()?;
        }
        "allowed_tools" => allow(&mut fields, calls, shape)?,
        other => {
            let message = format_args!("'{other}', where only 'function' and 'allowed_tools' are");
            return Err(ApiError::unsupported(&path, message));
        }
    }
    fields.finish()
}

/// Several functions, and whether one of them must be called.
fn allow(fields: &mut Fields, calls: &mut Calls, shape: Shape) -> Result<(), ApiError> {
    let mode = fields.string("mode")?.unwrap_or_else(|| "auto".to_owned());
    calls.required = is_required(&fields.path("mode"), &mode)?;
    let tools = fields.array("tools")?;
    let tools = fields.required("tools", tools)?.map(|(path, value)| {
        let mut tool = Fields::object(path, value)?;
        function_type(&mut tool)?;
        let name = named(&mut tool, shape)?;
        tool.finish().map(|()| name)
    });
    keep(tools.collect::<Result<_, _>>()?, calls)
}

/// The name of a function, and where it stands.
fn named(fields: &mut Fields, shape: Shape) -> Result<(String, String), ApiError> {
    if shape == Shape::Nested {
        let function = fields.fields("function")?;
        let mut function = fields.required("function", function)?;
        let name = named(&mut function, Shape::Flat)?;
        return function.finish().map(|()| name);
    }
    let name = fields.string("name")?;
    Ok((fields.path("name"), fields.required("name", name)?))
}

/// Leaves the functions of these names, which stand at these paths, to be called.
fn keep(names: Vec<(String, String)>, calls: &mut Calls) -> Result<(), ApiError> {
    for (path, name) in &names {
        if !calls.functions.iter().any(|function| function.name == *name) {
            return Err(ApiError::invalid(path, format_args!("'{name}' is none of 'tools'")));
        }
    }
    calls.functions.retain(|function| names.iter().any(|(_, name)| *name == function.name));
    calls.restricted = true;
    Ok(())
}
