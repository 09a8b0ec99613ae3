//! What is refused of responses and items that are kept, or are not.

use axum::http::StatusCode;

use crate::error::ApiError;

/// Seconds after which a client that has too much written in the background may try again; answers
/// take seconds to minutes.
const BACKGROUND_RETRY_SECONDS: u64 = 5;

impl ApiError {
    /// A response that is not kept here, or is another tenant's.
    pub(super) fn response_not_found(id: &str) -> Self {
        let message = format!("There is no response '{id}', or not any more");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
            .code("response_not_found")
    }

    /// The same, where a request would go on behind it.
    pub(super) fn previous_response_not_found(id: &str) -> Self {
        Self::bad_request(format!("There is no response '{id}', or not any more"))
            .param("previous_response_id")
            .code("previous_response_not_found")
    }

    /// An item of no response that is kept here.
    pub(super) fn item_not_found(param: &str, id: &str) -> Self {
        Self::bad_request(format!("There is no item '{id}', or not any more"))
            .param(param)
            .code("item_not_found")
    }

    /// A response that was written for the client that asked for it, and is over.
    pub(super) fn not_in_background(id: &str) -> Self {
        Self::bad_request(format!(
            "The response '{id}' was not asked for with 'background': true, and is over"
        ))
        .code("not_in_background")
    }

    /// A tenant has as many responses written in the background as it may.
    pub(super) fn too_many_in_background(running: usize) -> Self {
        let message = format!("{running} responses are being written in the background already");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message)
            .param("background")
            .code("too_many_in_background")
            .retry_after(BACKGROUND_RETRY_SECONDS)
    }
}
