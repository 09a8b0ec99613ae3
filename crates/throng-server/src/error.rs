//! A refusal, in the form and with the status that OpenAI's clients expect.

mod limits;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use throng_engine::SubmitError;

/// Seconds after which a client that came before the model, whose loading takes seconds to minutes,
/// may try again.
const LOADING_RETRY_SECONDS: u64 = 5;
/// The same for one that came to a server that is about to end, and may be started again.
const RESTART_RETRY_SECONDS: u64 = 10;

/// An answer with a status other than 200. The body always has the four keys `message`, `type`,
/// `param` and `code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<String>,
    code: Option<&'static str>,
    /// Seconds after which the same request may succeed.
    retry_after: Option<u64>,
}

impl ApiError {
    /// Any refusal, without a parameter and a code.
    pub(crate) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, kind, message, param: None, code: None, retry_after: None }
    }

    /// The client's fault, without a parameter and a code.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// The same with a code that programs can read.
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The same about a parameter.
    pub(crate) fn param(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The same for a request that may succeed after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// The body is not JSON, or not an object.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::bad_request(message).code("invalid_json")
    }

    /// A parameter of the wrong JSON type.
    pub(crate) fn mistyped(param: &str, expected: &str, got: &Value) -> Self {
        let message = format!("'{param}' must be {expected}, not {}", kind_of(got));
        Self::bad_request(message).param(param).code("invalid_type")
    }

    /// A parameter of the right type with a value that cannot be.
    pub(crate) fn invalid(param: &str, message: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("'{param}' {message}")).param(param).code("invalid_value")
    }

    /// A parameter that must be there.
    pub(crate) fn missing(param: &str) -> Self {
        Self::bad_request(format!("'{param}' is missing"))
            .param(param)
            .code("missing_required_parameter")
    }

    /// A parameter that no version of the API has.
    pub(crate) fn unknown(param: &str) -> Self {
        Self::bad_request(format!("'{param}' is no parameter of this endpoint"))
            .param(param)
            .code("unknown_parameter")
    }

    /// A parameter of the API that this server does not honour.
    pub(crate) fn unsupported(param: &str, why: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("'{param}' is not supported: {why}"))
            .param(param)
            .code("unsupported_parameter")
    }

    /// The prompt and its answer do not fit; `tokens` says how many the prompt has.
    pub(crate) fn context_length(
        param: &str,
        tokens: impl std::fmt::Display,
        context: usize,
    ) -> Self {
        Self::bad_request(format!(
            "This model's maximum context length is {context} tokens, and the prompt has {tokens}. \
             Shorten it so that an answer fits behind it."
        ))
        .param(param)
        .code("context_length_exceeded")
    }

    /// A model that is not served here.
    pub(crate) fn model_not_found(model: &str, served: &str) -> Self {
        let message = format!("The model '{model}' is not served here, '{served}' is");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
            .param("model")
            .code("model_not_found")
    }

    /// A path that leads nowhere.
    pub(crate) fn unknown_path(method: &str, path: &str) -> Self {
        let message = format!("There is nothing at {method} {path}");
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message).code("unknown_url")
    }

    /// A path that is there, with another method.
    pub(crate) fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!("{path} does not answer {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
            .code("method_not_allowed")
    }

    /// The body did not arrive in time.
    pub(crate) fn slow_body(seconds: u64) -> Self {
        let message = format!("The request's body did not arrive within {seconds} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
            .code("request_timeout")
    }

    /// The body is larger than the server reads.
    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The request's body has more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
            .code("request_too_large")
    }

    /// The body is of another media type. Asking for JSON's keeps a foreign web page from posting
    /// to a server on its reader's machine without the browser asking first.
    pub(crate) fn wrong_media_type() -> Self {
        let message = "The body must be JSON, with the header 'Content-Type: application/json'";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", message)
            .code("unsupported_media_type")
    }

    /// This server's own fault.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message).code("internal_error")
    }

    fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message)
            .code("service_unavailable")
    }

    /// The time that the request gave itself is over.
    pub(crate) fn expired() -> Self {
        let message = "The answer was not complete within the request's 'timeout'";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", message)
            .param("timeout")
            .code("deadline_exceeded")
    }

    /// The model is not there yet.
    pub(crate) fn loading() -> Self {
        Self::unavailable("The model is still loading")
            .code("model_loading")
            .retry_after(LOADING_RETRY_SECONDS)
    }

    /// The server is going away.
    pub(crate) fn shutting_down() -> Self {
        Self::unavailable("The server is shutting down").retry_after(RESTART_RETRY_SECONDS)
    }

    /// Too many wait already.
    pub(crate) fn queue_full(waiting: usize, retry_seconds: u64) -> Self {
        let message = format!("{waiting} requests are waiting already, try again in a moment");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message)
            .code("queue_full")
            .retry_after(retry_seconds)
    }

    /// A key that is none of those who may ask.
    pub(crate) fn incorrect_api_key() -> Self {
        Self::unauthorized("The API key is not one that may ask here")
    }

    /// A request that calls the server by a name that is not its own.
    pub(crate) fn unknown_host(name: &str) -> Self {
        let message = format!(
            "This server does not answer to the host '{name}'. If that is its name, \
             start it with --allowed-host {name}"
        );
        Self::new(StatusCode::FORBIDDEN, "invalid_request_error", message).code("host_not_allowed")
    }

    /// No key, where one is needed.
    pub(crate) fn missing_api_key() -> Self {
        Self::unauthorized("An API key is needed, in the header 'Authorization: Bearer KEY'")
    }

    fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
            .code("invalid_api_key")
    }

    /// What the engine's refusal means to a client whose prompt is the parameter `param`.
    pub(crate) fn from_submit(error: SubmitError, param: &str) -> Self {
        match error {
            SubmitError::EmptyPrompt => Self::invalid(param, "is empty"),
            SubmitError::UnknownToken { id, vocab } => {
                Self::invalid(param, format_args!("has token id {id}, the vocabulary has {vocab}"))
            }
            SubmitError::UnknownBias { id, vocab } => Self::invalid(
                "logit_bias",
                format_args!("has token id {id}, the vocabulary has {vocab}"),
            ),
            SubmitError::UnknownPrediction { id, vocab } => Self::invalid(
                "prediction",
                format_args!("has token id {id}, the vocabulary has {vocab}"),
            ),
            SubmitError::NothingToDraw => {
                Self::invalid("min_tokens", "needs a token that does not end the answer")
            }
            SubmitError::TooLong { tokens, context } => {
                Self::context_length(param, tokens, context)
            }
            SubmitError::Invalid(error) => {
                Self::bad_request(error.to_string()).param(error.name).code("invalid_value")
            }
            SubmitError::QueueFull(waiting) => Self::queue_full(waiting, 1),
            SubmitError::Closed => Self::unavailable("The engine has shut down"),
        }
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        } })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let no_use = self.status == StatusCode::TOO_MANY_REQUESTS && self.retry_after.is_none();
        if self.status == StatusCode::GATEWAY_TIMEOUT || no_use {
            // OpenAI's clients would ask again, and again too late or too much.
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// A JSON value's type with its article.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
