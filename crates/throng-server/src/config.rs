//! What an operator decides of the server.

use std::time::Duration;

use crate::api_keys::ApiKeys;
use crate::connections::ConnectionLimits;
use crate::host::AllowedHost;
use crate::origin::Origin;
use crate::rate_limits::Clock;
use crate::request_log::RequestLog;
use crate::trace::Tracer;

/// How to serve, whatever the model.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// How long answers that run may go on after the server was told to stop.
    pub drain_timeout: Duration,
    /// Who may ask; `None`: everybody, and whoever sends the same key is the same tenant.
    pub api_keys: Option<ApiKeys>,
    /// Whether one tenant's prompts may use what another's left in the prefix cache. How soon an
    /// answer comes then tells whether somebody has asked the same.
    pub share_prefix_cache: bool,
    /// Whose web pages may ask, besides the server's own; none: no others.
    pub allowed_origins: Vec<Origin>,
    /// Names that requests may call the server by, besides its machine's own. With none, names are
    /// checked only where the server listens on loopback and needs no keys.
    pub allowed_hosts: Vec<AllowedHost>,
    /// What is kept of `/v1/responses`.
    pub responses: ResponseLimits,
    /// How many connections there may be, and how patient the server is with them.
    pub connections: ConnectionLimits,
    /// Where a line about each request goes; `None`: nowhere.
    pub request_log: Option<RequestLog>,
    /// Where what each request took goes; `None`: nowhere.
    pub tracer: Option<Tracer>,
    /// The time that rate limits go by.
    pub clock: Clock,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            drain_timeout: Duration::from_secs(30),
            api_keys: None,
            share_prefix_cache: false,
            allowed_origins: Vec::new(),
            allowed_hosts: Vec::new(),
            responses: ResponseLimits::default(),
            connections: ConnectionLimits::default(),
            request_log: None,
            tracer: None,
            clock: Clock::default(),
        }
    }
}

/// Bounds on the responses that are kept, so that a client may ask for them again or go on behind
/// them. Those that are over go, the oldest first, when others need their room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseLimits {
    /// Bytes of all of them, about; 0: none is kept.
    pub bytes: usize,
    /// Responses of one tenant.
    pub per_tenant: usize,
    /// Responses of one tenant that are written at the same time whoever waits for them.
    pub background: usize,
}

impl Default for ResponseLimits {
    fn default() -> Self {
        Self { bytes: 256 << 20, per_tenant: 1000, background: 32 }
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
