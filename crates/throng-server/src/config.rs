//! What an operator decides of the server.

use std::time::Duration;

/// How to serve, whatever the model.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// How long answers that run may go on after the server was told to stop.
    pub drain_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self { drain_timeout: Duration::from_secs(30) }
    }
}

/// What the server has to tell its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The port is open; the model is not there yet.
    Listening(std::net::SocketAddr),
    /// Requests for the model of this name are answered.
    Ready(String),
    /// The server was told to stop, and so many requests still run.
    Draining(usize),
}
