//! A request that was let in: what serves it, and whether it still does.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use throng_engine::{Event, EventStream, Request, SubmitError};
use tokio::sync::watch;

use crate::app::App;
use crate::error::ApiError;
use crate::lifecycle::{Phase, Running};
use crate::state::ServerState;

/// What the handlers of the API ask for. They are reached only by who may ask, while the server
/// takes requests.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    /// What is served.
    pub(crate) app: Arc<App>,
    phases: watch::Receiver<Phase>,
    /// The server waits for its end before it goes.
    running: Arc<Running>,
}

impl FromRequestParts<ServerState> for Serving {
    type Rejection = ApiError;

    async fn from_request_parts(_: &mut Parts, state: &ServerState) -> Result<Self, ApiError> {
        let (app, running) = state.lifecycle.enter()?;
        Ok(Self { app, phases: state.lifecycle.phases(), running: Arc::new(running) })
    }
}

impl Serving {
    /// Hands a request to the engine.
    pub(crate) fn submit(&self, request: Request) -> Result<Events, SubmitError> {
        let stream = self.app.engine.submit(request)?;
        Ok(Events { stream, phases: self.phases.clone(), _running: self.running.clone() })
    }
}

/// The events of one answer, until the server closes. Dropping it cancels the answer.
#[derive(Debug)]
pub(crate) struct Events {
    stream: EventStream,
    phases: watch::Receiver<Phase>,
    _running: Arc<Running>,
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
            _ = self.phases.wait_for(|phase| *phase == Phase::Closing) => {
                Err(ApiError::shutting_down())
            }
            event = self.stream.next() => event.ok_or_else(|| {
                ApiError::internal("The engine stopped in the middle of the answer")
            }),
        }
    }
}
