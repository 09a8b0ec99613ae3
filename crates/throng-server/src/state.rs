//! What all routes share.

use std::sync::Arc;

use crate::lifecycle::Lifecycle;

/// A running server's state. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ServerState {
    /// Whether the model is there, and whether requests are taken.
    pub(crate) lifecycle: Arc<Lifecycle>,
}

impl ServerState {
    /// Of a server that begins to load its model.
    pub(crate) fn new() -> Self {
        Self { lifecycle: Lifecycle::new() }
    }
}
