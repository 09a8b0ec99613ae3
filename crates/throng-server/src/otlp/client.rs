//! The way to the collector: plain blocking requests, since they are made on the SDK's own thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use ureq::Agent;

/// How long a batch of spans may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a collector's answer, which says how many spans it has refused.
const MAX_ANSWER: u64 = 64 << 10;

/// Sends batches, and tells when the collector does not take them.
pub(super) struct Client {
    agent: Agent,
    note: Box<dyn Fn(&str) + Send + Sync>,
    /// Whether the last batch was lost.
    losing: AtomicBool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("losing", &self.losing).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that tells `note` when spans begin to be lost.
    pub(super) fn new(note: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A status says whether it is worth to try again, which the SDK decides.
            .http_status_as_error(false)
            // A collector is in one's own network.
            .proxy(None);
        let agent = config.build().into();
        Self { agent, note: Box::new(note), losing: AtomicBool::new(false) }
    }

    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, ureq::Error> {
        let (parts, body) = request.into_parts();
        let response = self.agent.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(MAX_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(parts, body.into()))
    }

    fn lose(&self, why: &str) {
        if !self.losing.swap(true, Ordering::Relaxed) {
            (self.note)(&format!("the collector takes no spans, and they are lost: {why}"));
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match self.send(request) {
            Ok(response) if response.status().is_success() => {
                self.losing.store(false, Ordering::Relaxed);
                Ok(response)
            }
            Ok(response) => {
                self.lose(&response.status().to_string());
                Ok(response)
            }
            Err(error) => {
                self.lose(&error.to_string());
                Err(error.into())
            }
        }
    }
}
