//! Which names this server answers to.
//!
//! A page of the internet can let its own name point to its reader's machine (DNS rebinding). To
//! the browser the server there is then the page's own, and it may ask everything. Only the name in
//! the request's `Host` gives it away, so where nothing else guards the server, that is checked.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::Response;

use crate::config::ServerConfig;
use crate::error::ApiError;
use crate::state::ServerState;

/// Bytes of a name in the domain name system at most (RFC 1035).
const MAX_NAME: usize = 253;
/// Names of this machine that nobody else can have: `localhost`, and what containers call the
/// machine that they run on. The internet's names do not end in `.internal`.
const OWN_NAMES: [&str; 3] = ["localhost", "host.docker.internal", "host.containers.internal"];

/// A name that a server answers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHost {
    /// All of them: `*`.
    Any,
    /// A name in lower case, without a port.
    Name(String),
}

/// A text that is no host's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is a name such as chat.example, without scheme, port and path, or * for all")]
pub struct AllowedHostError;

impl FromStr for AllowedHost {
    type Err = AllowedHostError;

    fn from_str(text: &str) -> Result<Self, AllowedHostError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        match text {
            "*" => Ok(Self::Any),
            "" => Err(AllowedHostError),
            _ if text.len() > MAX_NAME || !text.bytes().all(plain) => Err(AllowedHostError),
            _ => Ok(Self::Name(text.to_ascii_lowercase())),
        }
    }
}

/// The names that a request may call the server by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// Any.
    Any,
    /// This machine's own, numbers, and these.
    Known(Vec<String>),
}

impl Hosts {
    /// For a server that listens on the loopback interface alone, or on others too.
    ///
    /// Names are checked where the operator has given some, and where everybody may ask but nobody
    /// except this machine's own programs was meant to. A server for other machines has names that
    /// it cannot know, and keys keep strangers out.
    pub(crate) fn new(config: &ServerConfig, loopback: bool) -> Self {
        let allowed = &config.allowed_hosts;
        let exposed = !loopback || config.api_keys.is_some();
        if allowed.contains(&AllowedHost::Any) || (allowed.is_empty() && exposed) {
            return Self::Any;
        }
        let name = |host: &AllowedHost| match host {
            AllowedHost::Any => None,
            AllowedHost::Name(name) => Some(name.clone()),
        };
        Self::Known(allowed.iter().filter_map(name).collect())
    }

    /// Looks whether the request is for this server. One that names no host, as HTTP/1.0 allows, is
    /// no browser's.
    ///
    /// # Errors
    /// It calls the server by another's name.
    fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let Self::Known(names) = self else { return Ok(()) };
        for host in headers.get_all(HOST) {
            let host = String::from_utf8_lossy(host.as_bytes()).to_ascii_lowercase();
            let name = without_port(&host);
            if !is_own(name) && !names.iter().any(|known| known == name) {
                return Err(ApiError::unknown_host(name));
            }
        }
        Ok(())
    }
}

/// `HOST` of `HOST[:PORT]`, without the dot that may end a full name.
fn without_port(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether no page of another machine can be called so. Numbers lead where they say, whatever a
/// name server answers.
fn is_own(name: &str) -> bool {
    let six = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    OWN_NAMES.contains(&name)
        || name.ends_with(".localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || six.is_some_and(|six| six.parse::<Ipv6Addr>().is_ok())
}

/// Refuses requests that call the server by a name that is not its own.
pub(crate) async fn guard(
    State(state): State<ServerState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    state.hosts.check(request.headers())?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use axum::http::header::HOST;
    use axum::http::{HeaderMap, HeaderValue};

    use super::{AllowedHost, Hosts};
    use crate::api_keys::ApiKeys;
    use crate::config::ServerConfig;

    fn lets_in(hosts: &Hosts, host: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_bytes(host).unwrap());
        hosts.check(&headers).is_ok()
    }

    fn named(names: &[&str]) -> ServerConfig {
        let allowed_hosts = names.iter().map(|name| name.parse().unwrap()).collect();
        ServerConfig { allowed_hosts, ..ServerConfig::default() }
    }

    #[test]
    fn names_are_checked_where_nothing_else_guards_or_some_are_given() {
        let keys = ApiKeys::parse("sk-one").unwrap();
        let guarded = ServerConfig { api_keys: Some(keys), ..ServerConfig::default() };
        let (plain, own) = (named(&[]), Hosts::Known(Vec::new()));
        assert_eq!(Hosts::new(&plain, true), own);
        assert_eq!(Hosts::new(&plain, false), Hosts::Any);
        assert_eq!(Hosts::new(&guarded, true), Hosts::Any);
        for loopback in [false, true] {
            let hosts = Hosts::new(&named(&["Chat.Example"]), loopback);
            assert_eq!(hosts, Hosts::Known(vec!["chat.example".to_owned()]));
            assert_eq!(Hosts::new(&named(&["chat.example", "*"]), loopback), Hosts::Any);
        }
    }

    #[test]
    fn this_machines_names_and_numbers_are_its_own() {
        let hosts = Hosts::new(&named(&["chat.example"]), true);
        let own = [
            "localhost",
            "LocalHost:8000",
            "localhost.",
            "app.localhost:8000",
            "127.0.0.1",
            "127.0.0.1:8000",
            "192.168.1.5:80",
            "[::1]",
            "[::1]:8000",
            "host.docker.internal:8000",
            "chat.example",
            "CHAT.example:443",
            "chat.example.:443",
        ];
        for host in own {
            assert!(lets_in(&hosts, host.as_bytes()), "{host}");
        }
        assert!(hosts.check(&HeaderMap::new()).is_ok());
    }

    #[test]
    fn other_names_are_others() {
        let hosts = Hosts::new(&named(&["chat.example"]), true);
        let others = [
            "",
            ":8000",
            "evil.example",
            "evil.example:8000",
            "evilchat.example",
            "a.chat.example",
            "chat.example.evil.example",
            "chat.example@evil.example",
            "localhost.evil.example",
            "xlocalhost",
            "127.0.0.1.evil.example",
            "127.1",
            "2130706433",
            "::1",
            "[::1",
            "[evil.example]",
            "localhost:8000:8000",
            "localhost:x",
            "internal",
            "evil.internal",
        ];
        for host in others {
            assert!(!lets_in(&hosts, host.as_bytes()), "{host}");
        }
        assert!(!lets_in(&hosts, b"localhost\xff"));
        let mut both = HeaderMap::new();
        both.append(HOST, HeaderValue::from_static("localhost"));
        both.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(hosts.check(&both).is_err());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in ["", "http://a", "a:8000", "a/b", "*.example", "b\u{fc}cher", "a b"] {
            assert!(wrong.parse::<AllowedHost>().is_err(), "{wrong:?}");
        }
        assert!("x".repeat(254).parse::<AllowedHost>().is_err());
    }
}
