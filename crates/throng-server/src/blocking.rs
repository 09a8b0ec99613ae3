//! Keeps long computations off the threads that serve connections.

use crate::error::ApiError;

/// Bytes of a request that can be parsed and tokenised in about a millisecond.
const SHORT: usize = 4096;

/// Runs work that grows with `bytes`: here if they are few, else on a thread of its own.
///
/// # Errors
/// The work panicked, or the server is shutting down.
pub(crate) async fn run<T, F>(bytes: usize, work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if bytes <= SHORT {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::internal("The request could not be prepared"))
}
