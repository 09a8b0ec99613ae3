//! What the server is doing with its life: loading, ready, draining, closing.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::app::App;
use crate::error::ApiError;

/// Phases come in this order and never again; a server may be told to stop in any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// The model is not there yet.
    Loading,
    /// Requests are taken.
    Ready,
    /// Those that run may end, others are refused.
    Draining,
    /// Those that still run must end.
    Closing,
}

/// The phase, the model once it is there, and how many requests run.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: watch::Sender<Phase>,
    running: watch::Sender<usize>,
    app: OnceLock<Arc<App>>,
}

impl Lifecycle {
    /// A life that begins with loading.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            phase: watch::Sender::new(Phase::Loading),
            running: watch::Sender::new(0),
            app: OnceLock::new(),
        })
    }

    /// Where it stands.
    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Follows the phases.
    pub(crate) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// What is served, from the phase `Ready` on.
    pub(crate) fn app(&self) -> Option<&Arc<App>> {
        self.app.get()
    }

    /// Requests that run.
    pub(crate) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// The model is there.
    pub(crate) fn ready(&self, app: App) {
        let first = self.app.set(Arc::new(app));
        assert!(first.is_ok(), "a server loads once");
        self.phase.send_replace(Phase::Ready);
    }

    /// Takes no more requests, and waits until those that run have ended; after `timeout` they
    /// must.
    pub(crate) async fn drain(&self, timeout: Duration) {
        self.phase.send_replace(Phase::Draining);
        let mut running = self.running.subscribe();
        let none = running.wait_for(|running| *running == 0);
        if tokio::time::timeout(timeout, none).await.is_err() {
            self.phase.send_replace(Phase::Closing);
        }
    }

    /// Lets a request in for as long as the guard lives.
    ///
    /// # Errors
    /// The model is not there yet, or the server is about to end.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<(Arc<App>, Running), ApiError> {
        // Counted before the phase is asked for, so that draining cannot miss it.
        self.running.send_modify(|running| *running += 1);
        let running = Running(self.clone());
        match (self.phase(), self.app()) {
            (Phase::Ready, Some(app)) => Ok((app.clone(), running)),
            (Phase::Draining | Phase::Closing, _) => Err(ApiError::shutting_down()),
            (Phase::Loading | Phase::Ready, _) => Err(ApiError::loading()),
        }
    }
}

/// A request that runs; dropping it says that it does no more.
#[derive(Debug)]
pub(crate) struct Running(Arc<Lifecycle>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running -= 1);
    }
}
