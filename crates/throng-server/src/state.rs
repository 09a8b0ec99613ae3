//! What all routes share.

use std::sync::Arc;

use crate::config::ServerConfig;
use crate::host::Hosts;
use crate::lifecycle::Lifecycle;
use crate::metrics::Metrics;
use crate::rate_limits::Clock;
use crate::request_log::RequestLog;
use crate::responses::Store;
use crate::tenants::Tenants;
use crate::trace::Tracer;

/// A running server's state. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ServerState {
    /// Whether the model is there, and whether requests are taken.
    pub(crate) lifecycle: Arc<Lifecycle>,
    /// What the server may be called.
    pub(crate) hosts: Arc<Hosts>,
    /// Who asks.
    pub(crate) tenants: Arc<Tenants>,
    /// The time that rate limits go by.
    pub(crate) clock: Clock,
    /// Whether tenants share cached prefixes.
    pub(crate) share_prefix_cache: bool,
    /// Where a line about each request goes.
    pub(crate) log: Option<RequestLog>,
    /// Where what each request took goes.
    pub(crate) tracer: Option<Tracer>,
    /// What happened.
    pub(crate) metrics: Arc<Metrics>,
    /// Responses that may be asked for again.
    pub(crate) responses: Arc<Store>,
}

impl ServerState {
    /// Of a server that begins to load its model, and that only this machine reaches (`loopback`),
    /// or others too.
    pub(crate) fn new(config: &ServerConfig, loopback: bool) -> Self {
        Self {
            lifecycle: Lifecycle::new(),
            hosts: Arc::new(Hosts::new(config, loopback)),
            tenants: Arc::new(Tenants::new(config.api_keys.clone())),
            clock: config.clock.clone(),
            share_prefix_cache: config.share_prefix_cache,
            log: config.request_log.clone(),
            tracer: config.tracer.clone(),
            metrics: Metrics::new(config.api_keys.is_some()),
            responses: Arc::new(Store::new(config.responses)),
        }
    }
}
