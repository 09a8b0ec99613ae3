//! The head and the body of an answer that is no stream.

use std::time::Duration;

use ureq::Body;
use ureq::http::{HeaderMap, Response};

use super::failure::{Failure, short};

/// Bytes of a body at most.
const MAX_BODY_BYTES: u64 = 4 << 20;

/// The answer, if its status is 200.
pub(super) fn check(response: Response<Body>) -> Result<Response<Body>, Failure> {
    let status = response.status().as_u16();
    if status == 200 {
        return Ok(response);
    }
    let retry_after = header(response.headers(), "retry-after")
        .and_then(|seconds| seconds.trim().parse::<u32>().ok())
        .map(|seconds| Duration::from_secs(seconds.into()));
    // The status says enough where the body cannot be read.
    let body = text(response).unwrap_or_default();
    Err(Failure::refused(status, &body, retry_after))
}

/// The body.
pub(super) fn text(response: Response<Body>) -> Result<String, Failure> {
    let mut body = response.into_body();
    let read = body.with_config().limit(MAX_BODY_BYTES).lossy_utf8(true).read_to_string();
    read.map_err(|error| match error {
        ureq::Error::Io(error) => Failure::in_body(&error),
        ureq::Error::Timeout(_) => Failure::Timeout,
        error => Failure::BrokenOff(short(&error.to_string())),
    })
}

/// A header's value, if it is text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
