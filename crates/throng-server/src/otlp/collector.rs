//! Where spans go.

use std::str::FromStr;

use axum::http::Uri;

/// Below a collector's address, as OTLP has it.
const TRACES: &str = "/v1/traces";

/// The address of a collector that takes OTLP over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector(String);

/// A text that is no collector's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a collector is http://HOST:PORT or https://HOST:PORT, with a path or not")]
pub struct CollectorError;

impl FromStr for Collector {
    type Err = CollectorError;

    fn from_str(text: &str) -> Result<Self, CollectorError> {
        let uri: Uri = text.parse().map_err(|_| CollectorError)?;
        let plain = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
        let named = uri.host().is_some_and(|host| !host.is_empty());
        (plain && named).then(|| Self(text.trim_end_matches('/').to_owned())).ok_or(CollectorError)
    }
}

impl Collector {
    /// Where it takes spans.
    pub(super) fn traces(&self) -> String {
        match self.0.ends_with(TRACES) {
            true => self.0.clone(),
            false => format!("{}{TRACES}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_go_below_a_collectors_address() {
        for (text, traces) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("https://h.example/otlp/", "https://h.example/otlp/v1/traces"),
            ("http://[::1]:9/v1/traces", "http://[::1]:9/v1/traces"),
        ] {
            assert_eq!(text.parse::<Collector>().unwrap().traces(), traces);
        }
        for text in ["", "localhost:4318", "ftp://h", "http://", "h", "http://h?x=1", "http:// "] {
            assert_eq!(text.parse::<Collector>(), Err(CollectorError), "{text:?}");
        }
    }
}
