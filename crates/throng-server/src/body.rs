//! Reads a request's body: of the right media type, not too large, not too slow.

use std::ops::Deref;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, Request};
use futures_util::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::connections::{Client, ConnectionLimits};
use crate::error::ApiError;

/// Bytes of a body at most. A context of 131,072 tokens of text is under 1 MiB; as token ids with
/// spaces in JSON it is about as large again.
const LIMIT: usize = 8 << 20;
/// Bytes that any body may have in memory.
const SHORT: usize = 256 << 10;
/// Bodies beyond that at once, from their first bytes until they are parsed; the others wait, where
/// they are in nobody's memory but their clients' and the system's.
const LONG_AT_ONCE: usize = 8;
/// How long the rest of a body that is too large is thrown away before its client is told so: one
/// whose bytes are left unread is cut off, and may never read the answer.
const LINGER: Duration = Duration::from_secs(10);

static LONG: Semaphore = Semaphore::const_new(LONG_AT_ONCE);

/// The bytes of a body.
#[derive(Debug, Default)]
pub(crate) struct RequestBody {
    bytes: Vec<u8>,
    /// Of a long one.
    permit: Option<SemaphorePermit<'static>>,
}

impl Deref for RequestBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The body of a request for JSON.
pub(crate) async fn read(request: Request<Body>) -> Result<RequestBody, ApiError> {
    let headers = request.headers();
    if !is_json(headers) {
        return Err(ApiError::wrong_media_type());
    }
    let client = request.extensions().get::<Client>().cloned();
    let length: Option<usize> =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let asks_first = headers.contains_key(EXPECT);
    let mut chunks = request.into_body().into_data_stream();
    if length.is_some_and(|length| length > LIMIT) {
        if !asks_first {
            discard(&mut chunks).await;
        }
        return Err(ApiError::too_large(LIMIT));
    }
    let limits = client.as_ref().map_or_else(ConnectionLimits::default, |client| *client.limits());
    let timeout = limits.body_timeout;
    let body = tokio::time::timeout(timeout, collect(&mut chunks, length.unwrap_or(0)))
        .await
        .map_err(|_| ApiError::slow_body(timeout.as_secs()))??;
    let Some(body) = body else {
        discard(&mut chunks).await;
        return Err(ApiError::too_large(LIMIT));
    };
    if let Some(client) = client {
        client.has_asked();
    }
    Ok(body)
}

/// All bytes of a body that says that it has so many; `None`: it has more than it may.
async fn collect(
    chunks: &mut BodyDataStream,
    length: usize,
) -> Result<Option<RequestBody>, ApiError> {
    let mut body = RequestBody::default();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk
            .map_err(|error| ApiError::malformed(format!("The body cannot be read: {error}")))?;
        let so_far = body.bytes.len() + chunk.len();
        if so_far > LIMIT {
            return Ok(None);
        }
        if so_far > SHORT && body.permit.is_none() {
            body.permit = LONG.acquire().await.ok();
            // What is to come is known to be at most the limit.
            body.bytes.reserve_exact(length.saturating_sub(body.bytes.len()));
        }
        body.bytes.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

async fn discard(chunks: &mut BodyDataStream) {
    let all = async { while let Some(Ok(_)) = chunks.next().await {} };
    // Whoever sends for longer is cut off.
    let _ = tokio::time::timeout(LINGER, all).await;
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
