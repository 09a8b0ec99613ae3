//! Arguments of `throng top`.

use clap::Args as ClapArgs;
use throng_bench::load::{ApiKey, LoadError, Url};

use super::inspect::bandwidth;

/// Arguments of `throng top`.
#[derive(Debug, ClapArgs)]
pub struct TopArgs {
    /// Address of the server, with /v1 at its end or without
    #[arg(long, value_name = "URL", env = "THRONG_URL", default_value = "http://127.0.0.1:8000")]
    pub url: Url,
    /// An API key, KEY or NAME=KEY, for a server that tells nobody else what it serves and since
    /// when; of several, separated by commas, the first. Metrics need none
    #[arg(
        long,
        value_name = "KEY",
        env = "THRONG_API_KEY",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub api_key: Vec<String>,
    /// Memory bandwidth of the server's machine in GB/s [default: as the server measured it]
    #[arg(long, value_name = "GB/S", env = "THRONG_BANDWIDTH", value_parser = bandwidth)]
    pub bandwidth: Option<f64>,
    /// Print how it is once, from two looks half a second apart, and end; so it is too where
    /// standard output is no terminal
    #[arg(long, env = "THRONG_ONCE")]
    pub once: bool,
}

impl TopArgs {
    /// The API key. It is read here and not by the parser of arguments, which would show one that
    /// is malformed.
    ///
    /// # Errors
    /// It is malformed.
    pub fn key(&self) -> Result<Option<ApiKey>, LoadError> {
        self.api_key.first().map(|key| key.parse()).transpose()
    }
}
