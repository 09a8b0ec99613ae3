//! What a chat request says of tools and of the answer's form.

use serde_json::{Value, json};
use throng_chat::{Calls, DemandError, Function, ResponseFormat, Tool};

use super::messages::function_type;
use super::{ChatRequest, Names};
use crate::error::ApiError;
use crate::fields::Fields;

/// Functions that one request may offer, as OpenAI limits them.
pub(crate) const MAX_TOOLS: usize = 128;
/// Bytes of a name.
const MAX_NAME: usize = 256;

/// Takes `tools`, `tool_choice` and `parallel_tool_calls` out of a body: the functions that the model
/// is told of, and what becomes of calls.
pub(super) fn take(fields: &mut Fields) -> Result<(Vec<Tool>, Calls), ApiError> {
    let single = fields.boolean("parallel_tool_calls")? == Some(false);
    let functions = match fields.array("tools")? {
        None => Vec::new(),
        Some(tools) => tools
            .map(|(path, value)| tool(Fields::object(path, value)?))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if functions.len() > MAX_TOOLS {
        return Err(ApiError::invalid("tools", format_args!("has more than {MAX_TOOLS} entries")));
    }
    let (tools, functions): (Vec<Tool>, Vec<Function>) = functions.into_iter().unzip();
    let mut calls = Calls { functions, single, ..Calls::default() };
    let path = fields.path("tool_choice");
    match fields.value("tool_choice") {
        None => {}
        // What the model is not told of it does not call.
        Some(Value::String(choice)) if choice == "none" => return Ok(Default::default()),
        Some(Value::String(choice)) => calls.required = is_required(&path, &choice)?,
        Some(value @ Value::Object(_)) => chosen(Fields::object(path.clone(), value)?, &mut calls)?,
        Some(other) => return Err(ApiError::mistyped(&path, "a string or an object", &other)),
    }
    if calls.required && calls.functions.is_empty() {
        return Err(ApiError::invalid(&path, "needs 'tools'"));
    }
    Ok((tools, calls))
}

/// Whether a choice that names no function demands a call.
pub(crate) fn is_required(path: &str, choice: &str) -> Result<bool, ApiError> {
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
fn chosen(mut fields: Fields, calls: &mut Calls) -> Result<(), ApiError> {
    let path = fields.path("type");
    let kind = fields.string("type")?;
    match fields.required("type", kind)?.as_str() {
        "function" => {
            calls.required = true;
            keep(vec![named(&mut fields)?], calls)?;
        }
        "allowed_tools" => {
            let allowed = fields.fields("allowed_tools")?;
            let mut allowed = fields.required("allowed_tools", allowed)?;
            let mode = allowed.string("mode")?.unwrap_or_else(|| "auto".to_owned());
            calls.required = is_required(&allowed.path("mode"), &mode)?;
            let tools = allowed.array("tools")?;
            let tools = allowed.required("tools", tools)?.map(|(path, value)| {
                let mut tool = Fields::object(path, value)?;
                function_type(&mut tool)?;
                let name = named(&mut tool)?;
                tool.finish().map(|()| name)
            });
            keep(tools.collect::<Result<_, _>>()?, calls)?;
            allowed.finish()?;
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
    let function = fields.fields("function")?;
    let mut function = fields.required("function", function)?;
    let path = function.path("name");
    let name = function.string("name")?;
    let name = function.required("name", name)?;
    function.finish()?;
    Ok((path, name))
}

/// Leaves the functions of these names, which stand at these paths, to be called.
pub(crate) fn keep(names: Vec<(String, String)>, calls: &mut Calls) -> Result<(), ApiError> {
    for (path, name) in &names {
        if !calls.functions.iter().any(|function| function.name == *name) {
            return Err(ApiError::invalid(path, format_args!("'{name}' is none of 'tools'")));
        }
    }
    calls.functions.retain(|function| names.iter().any(|(_, name)| *name == function.name));
    calls.restricted = true;
    Ok(())
}

fn tool(mut fields: Fields) -> Result<(Tool, Function), ApiError> {
    function_type(&mut fields)?;
    let function = fields.fields("function")?;
    let mut function = fields.required("function", function)?;
    let tool = self::function(&mut function)?;
    function.finish()?;
    fields.finish()?;
    Ok(tool)
}

/// Takes what describes a function out of an object: what the model is told, and how it is called.
pub(crate) fn function(fields: &mut Fields) -> Result<(Tool, Function), ApiError> {
    let name = fields.string("name")?;
    let name = fields.required("name", name)?;
    check_name(&fields.path("name"), &name)?;
    let description = fields.string("description")?;
    let parameters = fields.fields("parameters")?.map(Fields::into_value);
    let strict = fields.boolean("strict")?.unwrap_or(false);
    let callable = Function { name: name.clone(), parameters: parameters.clone(), strict };
    Ok((Tool { name, description, parameters }, callable))
}

/// Why calls cannot be as a request says.
pub(super) fn unenforceable(request: &ChatRequest, error: DemandError, names: &Names) -> ApiError {
    match error {
        DemandError::Content(error) => {
            let form = request.form.as_ref().map_or("response_format", |form| &form.param);
            ApiError::invalid(form, error)
        }
        DemandError::Arguments { function, error } => {
            let tools = &request.conversation.tools;
            let index = tools.iter().position(|tool| tool.name == function).unwrap_or_default();
            ApiError::invalid(&format!("tools[{index}].{}", names.parameters), error)
        }
        DemandError::Calls(error) => ApiError::invalid("tools", error),
        error @ DemandError::NoCalls => ApiError::unsupported("tool_choice", error),
        error @ DemandError::Form(_) => ApiError::unsupported("tools", error),
    }
}

/// Letters, digits, `_`, `-` and `.`: nothing else can stand in a Harmony recipient.
fn check_name(path: &str, name: &str) -> Result<(), ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
        let message = format_args!("must be 1 to {MAX_NAME} letters, digits, '_', '-' or '.'");
        return Err(ApiError::invalid(path, message));
    }
    Ok(())
}

/// Takes `response_format` out of a body. The form becomes part of the prompt, and it is enforced,
/// `strict` or not.
pub(super) fn take_format(fields: &mut Fields) -> Result<Option<ResponseFormat>, ApiError> {
    let Some(mut fields) = fields.fields("response_format")? else { return Ok(None) };
    let kind = fields.string("type")?;
    let kind = fields.required("type", kind)?;
    let format = match kind.as_str() {
        "text" => None,
        "json_object" => Some(json_object()),
        "json_schema" => {
            let schema = fields.fields("json_schema")?;
            let mut schema = fields.required("json_schema", schema)?;
            let format = json_schema(&mut schema)?;
            schema.finish()?;
            Some(format)
        }
        _ => {
            let message = format_args!("must be 'text', 'json_object' or 'json_schema'");
            return Err(ApiError::invalid(&fields.path("type"), message));
        }
    };
    fields.finish()?;
    Ok(format)
}

/// Any JSON object.
pub(crate) fn json_object() -> ResponseFormat {
    let schema = json!({ "type": "object" });
    ResponseFormat { name: "json_object".to_owned(), description: None, schema }
}

/// Takes a schema with its name out of an object.
pub(crate) fn json_schema(fields: &mut Fields) -> Result<ResponseFormat, ApiError> {
    let name = fields.string("name")?;
    let name = fields.required("name", name)?;
    check_name(&fields.path("name"), &name)?;
    let description = fields.string("description")?;
    let schema = fields.fields("schema")?;
    let schema = fields.required("schema", schema)?.into_value();
    fields.boolean("strict")?;
    Ok(ResponseFormat { name, description, schema })
}
