//! Why nothing could be measured at all.

use super::failure::Failure;

/// Why nothing could be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not an address of an API.
    #[error("{given:?} is no address of an API")]
    InvalidUrl {
        /// What was given.
        given: String,
    },
    /// Not a key.
    #[error("an API key has characters that no header may have, or no characters")]
    InvalidKey,
    /// The server does not answer, or not what it is asked.
    #[error("{url}: {failure}")]
    Server {
        /// What was asked.
        url: String,
        /// What came back.
        failure: Failure,
    },
    /// The list of models is empty.
    #[error("the server names no model")]
    NoModel,
    /// The comparison needs two who ask.
    #[error("fairness is between two tenants, and there are {given} API keys")]
    TwoTenants {
        /// Keys given.
        given: usize,
    },
    /// The operating system refuses a thread.
    #[error("no thread for {users} users at once: {reason}")]
    Threads {
        /// Threads asked for.
        users: usize,
        /// What it said.
        reason: String,
    },
}

impl LoadError {
    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "--url takes http://HOST:PORT, with /v1 behind it or not",
            Self::InvalidKey => "--api-key takes KEY or NAME=KEY, several separated by commas",
            Self::Server { failure: Failure::Connection(_) | Failure::Timeout, .. } => {
                "`throng serve` starts a server; --url says where another one listens"
            }
            Self::Server { failure: Failure::Refused { status: 401 | 403, .. }, .. } => {
                "--api-key says who asks"
            }
            Self::Server { .. } => "--model says what to ask for, --endpoint which API",
            Self::NoModel => "--model says what to ask for",
            Self::TwoTenants { .. } => "--api-key crowd=KEY,single=KEY names both",
            Self::Threads { .. } => "fewer at once: --concurrency 64",
        }
    }
}
