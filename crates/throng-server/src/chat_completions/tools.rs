//! What a chat request says of tools and of the answer's form.

use serde_json::{Value, json};
use throng_chat::{ResponseFormat, Tool};

use super::messages::function_type;
use crate::error::ApiError;
use crate::fields::Fields;

/// Functions that one request may offer, as OpenAI limits them.
pub(crate) const MAX_TOOLS: usize = 128;
/// Bytes of a name.
const MAX_NAME: usize = 256;

/// Takes `tools` and `tool_choice` out of a body: the functions that the model is told of.
pub(super) fn take(fields: &mut Fields) -> Result<Vec<Tool>, ApiError> {
    // In Harmony a model makes one call, then waits for its result. Others may make several, and
    // are not held to one.
    fields.boolean("parallel_tool_calls")?;
    let tools = match fields.array("tools")? {
        None => Vec::new(),
        Some(tools) => tools
            .map(|(path, value)| tool(Fields::object(path, value)?))
            .collect::<Result<Vec<_>, _>>()?,
    };
    if tools.len() > MAX_TOOLS {
        return Err(ApiError::invalid("tools", format_args!("has more than {MAX_TOOLS} entries")));
    }
    let path = fields.path("tool_choice");
    match fields.value("tool_choice") {
        None => Ok(tools),
        Some(Value::String(choice)) if choice == "auto" => Ok(tools),
        // What the model is not told of it does not call.
        Some(Value::String(choice)) if choice == "none" => Ok(Vec::new()),
        Some(_) => {
            Err(ApiError::unsupported(&path, "a call cannot be forced, only 'auto' or 'none'"))
        }
    }
}

fn tool(mut fields: Fields) -> Result<Tool, ApiError> {
    function_type(&mut fields)?;
    let function = fields.fields("function")?;
    let mut function = fields.required("function", function)?;
    let tool = self::function(&mut function)?;
    function.finish()?;
    fields.finish()?;
    Ok(tool)
}

/// Takes what describes a function out of an object.
pub(crate) fn function(fields: &mut Fields) -> Result<Tool, ApiError> {
    let name = fields.string("name")?;
    let name = fields.required("name", name)?;
    check_name(&fields.path("name"), &name)?;
    let description = fields.string("description")?;
    let parameters = fields.fields("parameters")?.map(Fields::into_value);
    // The model is shown the schema either way; nothing holds it to one yet.
    fields.boolean("strict")?;
    Ok(Tool { name, description, parameters })
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
