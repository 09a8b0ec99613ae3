//! The signals by which a server is told to stop: SIGINT and SIGTERM.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Counts signals from its making on.
#[derive(Debug)]
pub(crate) struct Signals {
    /// `None`: the system has no such signals to give; its own way to end a program is left.
    #[cfg(unix)]
    both: Option<(Signal, Signal)>,
}

#[cfg(unix)]
impl Signals {
    /// Must be called within the runtime.
    pub(crate) fn new() -> Self {
        let interrupt = signal(SignalKind::interrupt()).ok();
        Self { both: interrupt.zip(signal(SignalKind::terminate()).ok()) }
    }

    /// Completes when so many have come.
    pub(crate) async fn come(&mut self, times: usize) {
        let Some((interrupt, terminate)) = &mut self.both else {
            return std::future::pending().await;
        };
        for _ in 0..times {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Self {
        Self {}
    }

    pub(crate) async fn come(&mut self, times: usize) {
        for _ in 0..times {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
