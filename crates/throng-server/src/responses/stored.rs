//! `/v1/responses/{id}`: responses that are kept, and those that are being written.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::draft::Draft;
use super::options::check_includable;
use super::record::follow;
use crate::error::ApiError;
use crate::serving::Serving;
use crate::sse;

/// Items of a page, where nothing is said.
pub(crate) const PAGE: usize = 20;
/// Items of a page at most, as OpenAI has it.
pub(crate) const MAX_PAGE: usize = 100;

type Name = Result<Path<String>, PathRejection>;
type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// `GET /v1/responses/{id}`: the response, or, once more, its events.
pub(crate) async fn retrieve(
    serving: Serving,
    name: Name,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    let (mut stream, mut next) = (false, None);
    for (key, value) in query(pairs)? {
        match key.as_str() {
            "stream" => stream = boolean(&key, &value)?,
            "starting_after" => next = Some(number(&key, &value)?.saturating_add(1)),
            "include" | "include[]" => check_includable("include", &value)?,
            "include_obfuscation" => {
                boolean(&key, &value)?;
            }
            _ => return Err(ApiError::unknown(&key)),
        }
    }
    let record = serving.library().find(&id(name)?)?;
    if !stream {
        return match next {
            None => Ok(Json(record.draft.borrow().json()).into_response()),
            Some(_) => Err(ApiError::invalid("starting_after", "needs 'stream': true")),
        };
    }
    if !(record.background && record.draft.borrow().is_told()) {
        let message = "is for responses that were asked for with 'background' and 'stream'";
        return Err(ApiError::invalid("stream", message));
    }
    Ok(sse::respond_named(follow(&record, next.unwrap_or(0))))
}

/// `DELETE /v1/responses/{id}`.
pub(crate) async fn delete(serving: Serving, name: Name) -> Result<Json<Value>, ApiError> {
    let record = serving.library().remove(&id(name)?)?;
    record.draft.send_modify(Draft::cancel);
    Ok(Json(json!({ "id": record.id, "object": "response", "deleted": true })))
}

/// `POST /v1/responses/{id}/cancel`: ends the writing of a response. One that is over stays as it
/// is.
pub(crate) async fn cancel(serving: Serving, name: Name) -> Result<Json<Value>, ApiError> {
    let record = serving.library().find(&id(name)?)?;
    if !record.background {
        return Err(ApiError::not_in_background(&record.id));
    }
    record.draft.send_modify(Draft::cancel);
    Ok(Json(record.draft.borrow().json()))
}

/// `GET /v1/responses/{id}/input_items`: what a response answers, page by page.
pub(crate) async fn input_items(
    serving: Serving,
    name: Name,
    pairs: Pairs,
) -> Result<Json<Value>, ApiError> {
    let (mut limit, mut newest_first, mut after) = (PAGE, true, None);
    for (key, value) in query(pairs)? {
        match key.as_str() {
            "limit" => {
                limit = number(&key, &value)?;
                if !(1..=MAX_PAGE).contains(&limit) {
                    let message = format_args!("must be between 1 and {MAX_PAGE}, not {limit}");
                    return Err(ApiError::invalid(&key, message));
                }
            }
            "order" if value == "asc" || value == "desc" => newest_first = value == "desc",
            "order" => return Err(ApiError::invalid(&key, "must be 'asc' or 'desc'")),
            "after" => after = Some(value),
            "include" | "include[]" => check_includable("include", &value)?,
            _ => return Err(ApiError::unknown(&key)),
        }
    }
    let record = serving.library().find(&id(name)?)?;
    let mut items: Vec<_> = record.items.iter().collect();
    if newest_first {
        items.reverse();
    }
    if let Some(after) = after {
        let last = items.iter().position(|item| item.id == after);
        let last = last.ok_or_else(|| ApiError::item_not_found("after", &after))?;
        items.drain(..=last);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(Json(json!({
        "object": "list",
        "data": items.iter().map(|item| item.json()).collect::<Vec<_>>(),
        "first_id": items.first().map(|item| &item.id),
        "last_id": items.last().map(|item| &item.id),
        "has_more": has_more,
    })))
}

/// The name in the path. One that is no text is nobody's.
fn id(name: Name) -> Result<String, ApiError> {
    name.map(|Path(id)| id).map_err(|_| ApiError::response_not_found("\u{fffd}"))
}

fn query(pairs: Pairs) -> Result<Vec<(String, String)>, ApiError> {
    pairs
        .map(|Query(pairs)| pairs)
        .map_err(|error| ApiError::malformed(format!("The query cannot be read: {error}")))
}

fn boolean(key: &str, value: &str) -> Result<bool, ApiError> {
    value.parse().map_err(|_| ApiError::invalid(key, "must be 'true' or 'false'"))
}

fn number(key: &str, value: &str) -> Result<usize, ApiError> {
    value.parse().map_err(|_| ApiError::invalid(key, "must be a whole number, not negative"))
}
