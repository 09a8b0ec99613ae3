//! A running server's state: what is served, and whether it still is.

use std::sync::Arc;

use throng_engine::{Event, EventStream, Request, SubmitError};
use tokio::sync::watch;

use crate::app::App;
use crate::error::ApiError;

/// What the handlers share. Clones share it too.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// What is served.
    pub(crate) app: Arc<App>,
    /// Turns true when answers that still run must end.
    closing: watch::Receiver<bool>,
}

impl Serving {
    /// Serves `app` until the sender says true or is dropped.
    pub(crate) fn new(app: App) -> (Self, watch::Sender<bool>) {
        let (close, closing) = watch::channel(false);
        (Self { app: Arc::new(app), closing }, close)
    }

    /// Hands a request to the engine.
    pub(crate) fn submit(&self, request: Request) -> Result<Events, SubmitError> {
        let stream = self.app.engine.submit(request)?;
        Ok(Events { stream, closing: self.closing.clone() })
    }
}

/// The events of one request, until the server closes. Dropping it cancels the request.
#[derive(Debug)]
pub(crate) struct Events {
    stream: EventStream,
    closing: watch::Receiver<bool>,
}

impl Events {
    /// Waits for the next event.
    ///
    /// # Errors
    /// The server is going away, or the engine has, although it promises a last event.
    pub(crate) async fn next(&mut self) -> Result<Event, ApiError> {
        tokio::select! {
            // First, or an answer whose events are always there already would never see it.
            biased;
            _ = self.closing.wait_for(|closing| *closing) => {
                Err(ApiError::unavailable("The server is shutting down"))
            }
            event = self.stream.next() => event.ok_or_else(|| {
                ApiError::internal("The engine stopped in the middle of the answer")
            }),
        }
    }
}
