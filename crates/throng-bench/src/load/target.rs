//! Who is asked: an address, an endpoint, a model's name, and the keys of those who ask.

use std::str::FromStr;

use ureq::http::Uri;

use super::error::LoadError;

/// Which API answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    #[default]
    Chat,
    /// `POST /v1/completions`.
    Completions,
}

impl Endpoint {
    /// Below the base of the API.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
        }
    }
}

/// The base of an OpenAI-compatible API, `http` or `https`, whose path ends in `/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl FromStr for Url {
    type Err = LoadError;

    /// Reads an address with `/v1` at its end or without.
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let invalid = || LoadError::InvalidUrl { given: text.to_owned() };
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let host = uri.host().is_some_and(|host| !host.is_empty());
        let named = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if !web || !host || named || uri.query().is_some() {
            return Err(invalid());
        }
        let base = text.trim_end_matches('/');
        Ok(Self(match base.ends_with("/v1") {
            true => base.to_owned(),
            false => format!("{base}/v1"),
        }))
    }
}

/// The server's address, without `/v1`.
impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.beside(""))
    }
}

impl Url {
    /// An address of the API: `path` begins with a slash.
    pub(crate) fn api(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// An address beside the API, such as `/metrics`.
    pub(crate) fn beside(&self, path: &str) -> String {
        format!("{}{path}", self.0.strip_suffix("/v1").unwrap_or(&self.0))
    }

    /// Whether it is this machine, which no proxy leads to.
    pub(crate) fn is_loopback(&self) -> bool {
        let uri: Option<Uri> = self.0.parse().ok();
        let host = uri.as_ref().and_then(Uri::host);
        matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"))
    }
}

/// A key, and what its owner is called in reports.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What the owner is called.
    pub tenant: String,
    secret: String,
}

impl ApiKey {
    pub(crate) fn header(&self) -> String {
        format!("Bearer {}", self.secret)
    }
}

/// Without the secret.
impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKey").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl FromStr for ApiKey {
    type Err = LoadError;

    /// Reads `NAME=KEY`, or `KEY`, which is named by its last four characters.
    fn from_str(text: &str) -> Result<Self, LoadError> {
        let (tenant, secret) = match text.split_once('=') {
            Some((tenant, secret)) => (tenant.to_owned(), secret),
            None => {
                let start = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
                (format!("…{}", &text[start..]), text)
            }
        };
        // What may stand in a header without being something else there.
        let plain = !secret.is_empty() && secret.chars().all(|c| c.is_ascii_graphic());
        if !plain || tenant.is_empty() {
            return Err(LoadError::InvalidKey);
        }
        Ok(Self { tenant, secret: secret.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_of_the_api_may_be_given_or_not() {
        let url = |text: &str| text.parse::<Url>().unwrap();
        for text in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"] {
            assert_eq!(url(text).api("/models"), "http://h:1/v1/models");
            assert_eq!(url(text).beside("/metrics"), "http://h:1/metrics");
            assert_eq!(url(text).to_string(), "http://h:1");
        }
        assert_eq!(url("https://h/proxy").api("/models"), "https://h/proxy/v1/models");
        assert!(url("http://[::1]:8000").is_loopback() && !url("http://h").is_loopback());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "h:1", "ftp://h", "http://", "http://me@h", "http://h?x=1", "http://h h"] {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn keys_have_names_and_are_not_shown() {
        let key = |text: &str| text.parse::<ApiKey>();
        let named = key("crowd=sk-12=3").unwrap();
        assert_eq!((named.tenant.as_str(), named.header()), ("crowd", "Bearer sk-12=3".to_owned()));
        assert!(!format!("{named:?}").contains("sk-"));
        assert_eq!(key("sk-12345").unwrap().tenant, "…2345");
        assert_eq!(key("é").map(|_| ()), Err(LoadError::InvalidKey));
        for text in ["", "a=", "=b", "a b", "a=b\nc"] {
            assert!(key(text).is_err(), "{text:?}");
        }
    }
}
