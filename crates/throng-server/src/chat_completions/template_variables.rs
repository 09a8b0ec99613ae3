//! `chat_template_kwargs`: what a client has the model's chat template look up.

use serde_json::{Map, Value};
use throng_chat::{Effort, OWN_VARIABLES};

use super::request;
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;

/// Bytes of all variables at most, as JSON.
const MAX_BYTES: usize = 16 << 10;

/// What the variables come to.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// For the template.
    pub(super) variables: Map<String, Value>,
    /// For Harmony, which has no template.
    pub(super) effort: Option<Effort>,
}

/// Takes them out of a body.
pub(super) fn take(fields: &mut Fields, app: &App) -> Result<Said, ApiError> {
    let Some(mut variables) = fields.fields("chat_template_kwargs")? else {
        return Ok(Said::default());
    };
    if !app.chat.as_ref().is_some_and(|chat| chat.has_template()) {
        let effort = request::effort(&mut variables, "reasoning_effort")?;
        return match variables.keys().find(|name| variables.has(name)) {
            Some(name) => Err(ApiError::unsupported(
                &variables.path(name),
                "the model chats in Harmony, which is no template",
            )),
            None => Ok(Said { effort, ..Said::default() }),
        };
    }
    if let Some(name) = variables.keys().find(|name| OWN_VARIABLES.contains(name)) {
        let why = "the conversation says what it is";
        return Err(ApiError::unsupported(&variables.path(name), why));
    }
    let path = fields.path("chat_template_kwargs");
    match variables.into_value() {
        Value::Object(variables) if bytes(&variables) <= MAX_BYTES => {
            Ok(Said { variables, effort: None })
        }
        _ => Err(ApiError::invalid(&path, format_args!("has more than {MAX_BYTES} bytes"))),
    }
}

/// How long the variables are.
fn bytes(variables: &Map<String, Value>) -> usize {
    variables.iter().map(|(name, value)| name.len() + value.to_string().len()).sum()
}
