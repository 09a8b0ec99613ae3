//! Which web pages of other origins may ask from a browser: cross-origin resource sharing (CORS),
//! as the Fetch standard has it. Without it a browser lets no other page post JSON, or read an
//! answer.

use std::str::FromStr;
use std::time::Duration;

use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::exchange::REQUEST_ID;
use crate::rate_limits;

/// How long a browser may rely on what it was told of a path.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Where pages may come from that ask this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Anywhere: `*`.
    Any,
    /// `SCHEME://HOST[:PORT]`, as browsers write it.
    Page(HeaderValue),
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is SCHEME://HOST or SCHEME://HOST:PORT without a path, or * for all of them")]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let text = text.to_ascii_lowercase();
        let uri: Uri = text.parse().map_err(|_| OriginError)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(OriginError);
        };
        let (bare, port) = (format!("{scheme}://{}", authority.host()), authority.port_u16());
        let whole = port.map_or(bare.clone(), |port| format!("{bare}:{port}"));
        // No browser sends a path, a user's name or a pattern.
        if text != whole || bare.contains('*') {
            return Err(OriginError);
        }
        // Nor the port that goes without saying.
        let usual = matches!((scheme, port), ("http", Some(80)) | ("https", Some(443)));
        let page = if usual { bare } else { whole };
        HeaderValue::try_from(page).map(Self::Page).map_err(|_| OriginError)
    }
}

/// Tells browsers that pages of these origins may ask; `None` where there are no such pages, and
/// nothing to tell.
///
/// Credentials in the standard's sense are never allowed, those that a browser adds by itself. A
/// key comes in a header that the page itself has to set.
pub(crate) fn sharing(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let page = |origin: &Origin| match origin {
        Origin::Any => None,
        Origin::Page(page) => Some(page.clone()),
    };
    let pages: Option<Vec<HeaderValue>> = origins.iter().map(page).collect();
    let exposed = ["x-should-retry", REQUEST_ID].into_iter().chain(rate_limits::HEADERS);
    let layer = CorsLayer::new()
        .allow_origin(pages.map_or_else(AllowOrigin::any, AllowOrigin::list))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        // Clients tell about themselves in headers of their own names, and none has an effect here
        // that its page may not have.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(
            exposed.map(HeaderName::from_static).chain([RETRY_AFTER]).collect::<Vec<_>>(),
        )
        .max_age(MAX_AGE);
    Some(layer)
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let same = |text: &str, wanted: &str| match text.parse() {
            Ok(Origin::Page(page)) => assert_eq!(page, wanted),
            other => panic!("{text}: {other:?}"),
        };
        same("https://app.example", "https://app.example");
        same("HTTPS://App.Example:443", "https://app.example");
        same("http://localhost:80", "http://localhost");
        same("https://app.example:80", "https://app.example:80");
        same("http://[::1]:3000", "http://[::1]:3000");
        same("chrome-extension://abcdefgh", "chrome-extension://abcdefgh");
        assert_eq!("*".parse(), Ok(Origin::Any));
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        let wrong = [
            "",
            "null",
            "app.example",
            "//app.example",
            "https://",
            "https:app.example",
            "https://app.example/",
            "https://app.example/chat",
            "https://app.example?x",
            "https://me@app.example",
            "https://app.example:",
            "https://app.example:99999",
            "https://*.example",
            "https://app.example,https://b.example",
            "https://b\u{fc}cher.example",
            "https://app.example\n",
            " https://app.example",
            "**",
        ];
        for text in wrong {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
    }
}
