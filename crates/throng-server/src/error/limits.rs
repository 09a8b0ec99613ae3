//! What a key may not ask, or not now.

use std::time::Duration;

use axum::http::StatusCode;

use super::ApiError;

impl ApiError {
    /// A limit of a minute is reached: of `limit` `what`, so many remain, and the request would take
    /// more; after `wait` there would be enough, or never.
    pub(crate) fn rate_limited(
        what: &'static str,
        limit: u32,
        remaining: u64,
        requested: u64,
        wait: Option<Duration>,
    ) -> Self {
        let state = format!("limit {limit}, remaining {remaining}, requested {requested}");
        let error = |advice: &str| {
            let message = format!("Rate limit reached for {what} per minute: {state}. {advice}");
            // OpenAI's type says which limit it is.
            Self::new(StatusCode::TOO_MANY_REQUESTS, what, message).code("rate_limit_exceeded")
        };
        let Some(wait) = wait else {
            return error("A shorter prompt or a lower maximum of tokens would fit.");
        };
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        error(&format!("Try again in {seconds} s.")).retry_after(seconds)
    }

    /// A model that this key may not ask, which looks as if it were not there.
    pub(crate) fn model_not_allowed() -> Self {
        let message = "The model does not exist, or this API key has no access to it";
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
            .param("model")
            .code("model_not_found")
    }
}
