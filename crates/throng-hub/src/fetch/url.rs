//! Addresses: those of the hub, and whether another is the same server's.

use ureq::http::Uri;

use crate::error::HubError;
use crate::reference::{RepoId, RepoPath, Revision};

/// The hub's address, checked: `http` or `https`, a host, maybe a port and a path.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    text: String,
    uri: Uri,
}

impl Endpoint {
    pub(crate) fn new(text: &str) -> Result<Self, HubError> {
        let invalid = || HubError::InvalidEndpoint { given: text.to_owned() };
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        // Who asks is a token's to say, and an address with a name in it is printed in errors.
        let anonymous = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !web || !anonymous || host(&uri).is_empty() || uri.query().is_some() {
            return Err(invalid());
        }
        Ok(Self { text: text.trim_end_matches('/').to_owned(), uri })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Who answers there, for messages: its host, and its port where it has one.
    pub(crate) fn server(&self) -> String {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("the hub at {authority}")
    }

    /// Whether it is this machine, which no proxy leads to.
    pub(crate) fn is_loopback(&self) -> bool {
        matches!(host(&self.uri), "localhost" | "127.0.0.1" | "[::1]")
    }

    /// Whether an address is the hub's own: the only place where the token may go.
    pub(crate) fn is_home_of(&self, uri: &Uri) -> bool {
        origin(&self.uri) == origin(uri)
    }

    /// The list of a repository's files.
    pub(crate) fn listing(&self, repo: &RepoId, revision: &Revision) -> String {
        let revision = encode(revision.as_str(), false);
        format!("{}/api/models/{repo}/revision/{revision}?blobs=true", self.text)
    }

    /// A file as it was at a commit.
    pub(crate) fn file(&self, repo: &RepoId, commit: &str, file: &RepoPath) -> String {
        format!("{}/{repo}/resolve/{commit}/{}", self.text, encode(file.as_str(), true))
    }

    /// The page for people.
    pub(crate) fn page(&self, repo: &RepoId) -> String {
        format!("{}/{repo}", self.text)
    }
}

/// The host's name, for messages.
pub(crate) fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default()
}

/// Where a redirection leads.
///
/// # Errors
/// Nowhere that we would go; the reason, to follow "redirects".
pub(crate) fn follow(from: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = from.scheme_str().unwrap_or("https");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let absolute = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        location.to_owned()
    };
    let strange = || format!("to {:?}", location.chars().take(100).collect::<String>());
    let uri: Uri = absolute.parse().map_err(|_| strange())?;
    match (scheme, uri.scheme_str()) {
        ("https", Some("http")) => Err("from https to http".to_owned()),
        (_, Some("http" | "https")) if !host(&uri).is_empty() => Ok(uri),
        _ => Err(strange()),
    }
}

fn origin(uri: &Uri) -> (Option<&str>, String, Option<u16>) {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    (uri.scheme_str(), host(uri).to_ascii_lowercase(), uri.port_u16().or(Some(default)))
}

/// Percent-encodes all but what never needs it, and slashes if they stay.
fn encode(text: &str, keep_slashes: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, b| {
        if plain(b) || (b == b'/' && keep_slashes) {
            encoded.push(char::from(b));
        } else {
            encoded += &format!("%{b:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_encoded() {
        let endpoint = Endpoint::new("http://mirror:8080/hf/").unwrap();
        let repo = "a/b".parse().unwrap();
        assert_eq!(
            endpoint.listing(&repo, &"refs/pr/1".parse().unwrap()),
            "http://mirror:8080/hf/api/models/a/b/revision/refs%2Fpr%2F1?blobs=true"
        );
        assert_eq!(
            endpoint.file(&repo, "0123", &"q/ü 1?.gguf".parse().unwrap()),
            "http://mirror:8080/hf/a/b/resolve/0123/q/%C3%BC%201%3F.gguf"
        );
    }

    #[test]
    fn what_is_no_endpoint() {
        for text in ["", "huggingface.co", "ftp://a", "http://", "http://a:b@c", "http://a?b", "/x"]
        {
            assert!(Endpoint::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn home_is_scheme_host_and_port() {
        let endpoint = Endpoint::new("https://hub.example/x").unwrap();
        let is_home = |text: &str| endpoint.is_home_of(&text.parse().unwrap());
        assert!(is_home("https://HUB.example:443/y"));
        for other in
            ["https://cdn.hub.example/", "http://hub.example/", "https://hub.example:8443/"]
        {
            assert!(!is_home(other), "{other}");
        }
    }

    #[test]
    fn redirections_stay_safe() {
        let from: Uri = "https://hub.example/a?b".parse().unwrap();
        let to = |location| follow(&from, location).map(|uri| uri.to_string());
        assert_eq!(to("/c?d").unwrap(), "https://hub.example/c?d");
        assert_eq!(to("//cdn.example/c").unwrap(), "https://cdn.example/c");
        assert_eq!(to("https://cdn.example/c").unwrap(), "https://cdn.example/c");
        for location in ["http://cdn.example/c", "file:///etc/passwd", "c", "", "https:///c"] {
            assert!(to(location).is_err(), "{location}");
        }
    }
}
