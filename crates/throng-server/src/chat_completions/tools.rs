//! What a chat request says of tools and of the answer's form.

use serde_json::json;
use throng_chat::{Calls, DemandError, Function, ResponseFormat, Tool};

use super::messages::function_type;
use super::{ChatRequest, Names};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::tool_choice::{self, Shape};

/// Functions that one request may offer, as OpenAI limits them.
pub(crate) const MAX_TOOLS: usize = 128;
/// Bytes of a name.
pub(crate) const MAX_NAME: usize = 256;

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
    let choice = tool_choice::take(fields, &mut calls, Shape::Nested)?;
    // What the model is not told of it does not call.
    Ok(if choice == "none" { Default::default() } else { (tools, calls) })
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
