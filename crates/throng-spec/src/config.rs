//! `config.json` to [`ModelSpec`]: common checks, then the architecture's own table.

use crate::model::ModelSpec;

impl ModelSpec {
    /// Reads and checks the content of a `config.json`.
    ///
    /// # Errors
    /// The architecture is unknown, a key is missing or mistyped, or a number is out of bounds.
    pub fn from_config(config: &serde_json::Value) -> Result<Self, ConfigError> {
        let _ = config;
        todo!()
    }
}

/// A `config.json` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {}
