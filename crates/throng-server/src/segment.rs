//! The part of a path that a route leaves open.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::error::ApiError;

/// It, decoded. What is no text names nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let decoded = Path::from_request_parts(parts, state).await;
        let unknown = |_| ApiError::unknown_path(parts.method.as_str(), parts.uri.path());
        decoded.map(|Path(text)| Self(text)).map_err(unknown)
    }
}
