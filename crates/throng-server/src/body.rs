//! Reads a request's body: of the right media type, not too large, not too slow.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Request};
use futures_util::StreamExt;

use crate::error::ApiError;

/// Bytes of a body at most. A context of 131,072 tokens of text is under 1 MiB; as token ids with
/// spaces in JSON it is about as large again.
const LIMIT: usize = 8 << 20;
/// How long a client may take to send it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The body of a request for JSON.
pub(crate) async fn read(request: Request<Body>) -> Result<Vec<u8>, ApiError> {
    if !is_json(request.headers()) {
        return Err(ApiError::wrong_media_type());
    }
    tokio::time::timeout(TIMEOUT, collect(request.into_body()))
        .await
        .map_err(|_| ApiError::slow_body(TIMEOUT.as_secs()))?
}

async fn collect(body: Body) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|error| ApiError::malformed(format!("The body cannot be read: {error}")))?;
        if bytes.len() + chunk.len() > LIMIT {
            return Err(ApiError::too_large(LIMIT));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Whether the header says `application/json`, or `application/…+json`, with any parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}
