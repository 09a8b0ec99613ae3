//! `prediction`: what a client knows of the answer already, such as a file that is to come back with
//! a few changes. It changes no token; those that come as predicted come several in a step.

use std::sync::Arc;

use throng_chat::Predicted;
use throng_engine::Prediction;

use super::{messages, unrenderable};
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;

/// Takes it out of a body, as tokens. Where no chat format is, there is none either.
pub(super) fn take(fields: &mut Fields, app: &App) -> Result<Option<Arc<Prediction>>, ApiError> {
    let param = fields.path("prediction");
    let Some(mut fields) = fields.fields("prediction")? else { return Ok(None) };
    let kind = fields.string("type")?;
    if fields.required("type", kind)? != "content" {
        return Err(ApiError::invalid(&fields.path("type"), "must be 'content'"));
    }
    let content = messages::required_text(&mut fields)?;
    fields.finish()?;
    let Some(chat) = app.chat.as_ref().filter(|_| !content.is_empty()) else { return Ok(None) };
    // What is longer than any answer is refused like a prompt that is.
    let predicted = chat.predict(&content, app.context());
    let Predicted { ids, openings } =
        predicted.map_err(|error| unrenderable(error, app.context(), &param))?;
    Ok(Some(Arc::new(Prediction { ids, openings })))
}
