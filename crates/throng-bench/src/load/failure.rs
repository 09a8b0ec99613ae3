//! Why a request got no answer, or only a part of one.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;

use super::chunk::parts;
use crate::printable::printable;

/// Characters of a peer's message that are kept.
const MAX_MESSAGE: usize = 300;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No connection, or it broke before the answer began.
    #[error("no connection: {0}")]
    Connection(String),
    /// Nothing came for as long as we were willing to wait.
    #[error("no answer in time")]
    Timeout,
    /// A status other than 200.
    #[error("status {status}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// The error's `code` or `type`; empty where the body says neither.
        code: String,
        /// The error's message, or the beginning of the body.
        message: String,
        /// `Retry-After` in seconds.
        retry_after: Option<Duration>,
    },
    /// The answer began, and the peer ended it with an error.
    #[error("an error ended the stream: {message}")]
    Ended {
        /// The error's `code` or `type`; empty where it has neither.
        code: String,
        /// Its message.
        message: String,
    },
    /// The stream ended without `[DONE]` and without a reason to finish.
    #[error("the stream broke off: {0}")]
    BrokenOff(String),
    /// The answer is not what this API sends.
    #[error("not a stream of chunks: {0}")]
    Malformed(String),
}

impl Failure {
    /// A short name, equal for failures that are counted as one.
    pub fn kind(&self) -> String {
        let with = |name: String, code: &str| match code {
            "" => name,
            code => format!("{name} {code}"),
        };
        match self {
            Self::Connection(reason) => format!("no connection: {reason}"),
            Self::Timeout => "no answer in time".to_owned(),
            Self::Refused { status, code, .. } => with(format!("status {status}"), code),
            Self::Ended { code, .. } => with("error in the stream:".to_owned(), code),
            Self::BrokenOff(_) => "stream broken off".to_owned(),
            Self::Malformed(_) => "not a stream of chunks".to_owned(),
        }
    }

    /// How long the peer asks us to wait before we try again: it is full, and says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { status: 429 | 503, retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// A status other than 200, and what the body says of it.
    pub(crate) fn refused(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        let (code, message) = match serde_json::from_str::<Value>(body) {
            Ok(body) => parts(body.get("error").unwrap_or(&body)),
            Err(_) => (String::new(), short(body)),
        };
        Self::Refused { status, code, message, retry_after }
    }

    /// A request that did not get as far as an answer's head.
    pub(crate) fn before_head(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Timeout,
            ureq::Error::Io(error) => Self::of_io(error, Self::Connection),
            ureq::Error::HostNotFound => Self::Connection("no such host".to_owned()),
            error => Self::Connection(short(&error.to_string())),
        }
    }

    /// An answer that broke while its body was read.
    pub(crate) fn in_body(error: &std::io::Error) -> Self {
        Self::of_io(error, Self::BrokenOff)
    }

    fn of_io(error: &std::io::Error, other: impl FnOnce(String) -> Self) -> Self {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::Timeout,
            // Their texts have numbers in them that say nothing to most.
            ErrorKind::ConnectionRefused => other("connection refused".to_owned()),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                other("connection reset".to_owned())
            }
            ErrorKind::UnexpectedEof => other("connection closed".to_owned()),
            _ => other(short(&error.to_string())),
        }
    }
}

/// The beginning of a peer's text, on one line.
pub(crate) fn short(text: &str) -> String {
    printable(text, MAX_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_peer_is_asked_again() {
        let refused = |status| Failure::Refused {
            status,
            code: "c".to_owned(),
            message: "m".to_owned(),
            retry_after: Some(Duration::from_secs(1)),
        };
        assert_eq!(refused(429).retry_after(), Some(Duration::from_secs(1)));
        assert_eq!(refused(400).retry_after(), None);
        assert_eq!(Failure::Timeout.retry_after(), None);
        assert_eq!(refused(400).kind(), "status 400 c");
    }

    #[test]
    fn texts_of_peers_are_one_short_line() {
        assert_eq!(short("a\n\u{1b}[31mb"), "a  [31mb");
        assert_eq!(short(&"x".repeat(MAX_MESSAGE + 1)).len(), MAX_MESSAGE);
    }
}
