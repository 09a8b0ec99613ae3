//! Requests to the hub, and to where it sends us for the bytes.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::config::{AutoHeaderValue, Config};
use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::patience::Fault;
use super::refusal::{Asked, Subject, check, header};
use super::url::{Endpoint, follow, host};
use crate::error::HubError;
use crate::settings::{Settings, Token};

/// Redirections that are followed for one request.
const MAX_REDIRECTS: usize = 8;

/// Until a connection stands, and until an answer begins.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Without a single byte, whatever is being read.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of the list of files, at most. That of a hundred thousand files is half as long.
const MAX_LISTING_BYTES: u64 = 32 << 20;

/// Speaks with one hub.
pub(crate) struct Client {
    agent: Agent,
    pub(crate) endpoint: Endpoint,
    token: Option<Token>,
}

enum Method {
    Get,
    Head,
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, HubError> {
        let endpoint = Endpoint::new(&settings.endpoint)?;
        let agent = "throng/".to_owned() + env!("CARGO_PKG_VERSION");
        let mut config = Agent::config_builder()
            .user_agent(agent)
            // Sizes and checksums are those of the bytes as they are.
            .accept_encoding(AutoHeaderValue::Provided("identity".to_owned().into()))
            .http_status_as_error(false)
            // Redirections are followed here, where it is known how far the token may go.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(IDLE_TIMEOUT))
            .timeout_per_read(Some(IDLE_TIMEOUT))
            .tls_config(tls(settings)?);
        if endpoint.is_loopback() {
            config = config.proxy(None);
        }
        let config: Config = config.build();
        Ok(Self { agent: config.into(), endpoint, token: settings.token.clone() })
    }

    /// The list of a repository's files, as JSON that nobody has looked at yet.
    pub(crate) fn listing(&self, subject: Subject<'_>) -> Result<Vec<u8>, Fault> {
        let url = self.endpoint.listing(subject.repo, subject.revision);
        let mut response = self.send(&Method::Get, &url, 0, subject)?;
        let body = response.body_mut().with_config().limit(MAX_LISTING_BYTES);
        body.read_to_vec().map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(limit) => {
                let reason = format!("it has more than {limit} bytes");
                HubError::BadListing { repo: subject.repo.to_string(), reason }.into()
            }
            error => fault(self.endpoint.server(), &error),
        })
    }

    /// A file from byte `from` on. The answer is 200 for the whole of it, 206 for the rest, or 416
    /// where there is no such byte.
    pub(crate) fn file(
        &self,
        url: &str,
        from: u64,
        subject: Subject<'_>,
    ) -> Result<Response<Body>, Fault> {
        self.send(&Method::Get, url, from, subject)
    }

    /// What the hub itself says about a file, not the place where it keeps its bytes.
    pub(crate) fn about(&self, url: &str, subject: Subject<'_>) -> Result<HeaderMap, Fault> {
        let response = self.send(&Method::Head, url, 0, subject)?;
        Ok(response.into_parts().0.headers)
    }

    fn send(
        &self,
        method: &Method,
        url: &str,
        from: u64,
        subject: Subject<'_>,
    ) -> Result<Response<Body>, Fault> {
        let invalid = || HubError::InvalidEndpoint { given: url.to_owned() };
        let mut uri: Uri = url.parse().map_err(|_| invalid())?;
        let bad = |uri: &Uri, reason| HubError::BadRedirect { host: host(uri).to_owned(), reason };
        for _ in 0..=MAX_REDIRECTS {
            let response = self.once(method, &uri, from)?;
            if !response.status().is_redirection() {
                let asked = Asked {
                    endpoint: &self.endpoint,
                    with_token: self.token.is_some(),
                    host: host(&uri),
                    at_home: self.endpoint.is_home_of(&uri),
                };
                return check(response, &asked, subject);
            }
            let location = header(response.headers(), "location");
            let location = location.ok_or_else(|| bad(&uri, "without saying where".to_owned()))?;
            let next = follow(&uri, location).map_err(|reason| bad(&uri, reason))?;
            if matches!(method, Method::Head) && !self.endpoint.is_home_of(&next) {
                return Ok(response);
            }
            uri = next;
        }
        Err(bad(&uri, format!("more than {MAX_REDIRECTS} times")).into())
    }

    /// Who answers at an address, for messages.
    fn server(&self, uri: &Uri) -> String {
        match self.endpoint.is_home_of(uri) {
            true => self.endpoint.server(),
            false => host(uri).to_owned(),
        }
    }

    fn once(&self, method: &Method, uri: &Uri, from: u64) -> Result<Response<Body>, Fault> {
        let mut request = match method {
            Method::Get => self.agent.get(uri),
            Method::Head => self.agent.head(uri),
        };
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.endpoint.is_home_of(uri)) {
            request = request.header("Authorization", format!("Bearer {}", token.secret()));
        }
        request.call().map_err(|error| fault(self.server(uri), &error))
    }
}

/// A request without an answer.
fn fault(server: String, error: &ureq::Error) -> Fault {
    // A certificate that is wrong now is wrong in a second, too.
    if let ureq::Error::Io(error) = error
        && error.kind() == ErrorKind::InvalidData
    {
        return HubError::Untrusted { server, reason: error.to_string() }.into();
    }
    let unreachable = HubError::Unreachable { server, reason: reason(error) };
    match error {
        ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_) => Fault::Passing { error: unreachable, wait: None },
        _ => Fault::Lasting(unreachable),
    }
}

/// What happened, in words for someone who knows no system calls.
fn reason(error: &ureq::Error) -> String {
    let error = match error {
        ureq::Error::Io(error) => error,
        ureq::Error::Timeout(_) => return "no answer in time".to_owned(),
        ureq::Error::HostNotFound => return "no such host".to_owned(),
        error => return error.to_string(),
    };
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::TimedOut => "no answer in time".to_owned(),
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable => {
            "no network leads there".to_owned()
        }
        // Its kind has no name, and its text begins with the call that failed.
        _ => match error.to_string().split_once("failed to lookup address information: ") {
            Some((_, why)) => format!("its name could not be looked up ({why})"),
            None => error.to_string(),
        },
    }
}

fn tls(settings: &Settings) -> Result<TlsConfig, HubError> {
    let builder = TlsConfig::builder();
    let Some(file) = &settings.certificates else {
        return Ok(builder.build()); // Mozilla's, which are compiled in.
    };
    let bad = |reason: String| HubError::Certificates { reason };
    let pem = std::fs::read(file).map_err(|error| bad(format!("{}: {error}", file.display())))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(bad(format!("{} holds none", file.display())));
    }
    Ok(builder.root_certs(RootCerts::new_with_certs(&certificates)).build())
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn reasons_are_in_plain_words() {
        let lookup = "failed to lookup address information: Name or service not known";
        for (error, said) in [
            (ErrorKind::ConnectionRefused.into(), "connection refused"),
            (ErrorKind::NetworkUnreachable.into(), "no network leads there"),
            (
                io::Error::other(lookup),
                "its name could not be looked up (Name or service not known)",
            ),
            (io::Error::other("odd"), "odd"),
        ] {
            assert_eq!(reason(&ureq::Error::Io(error)), said);
        }
        assert_eq!(reason(&ureq::Error::Timeout(ureq::Timeout::Connect)), "no answer in time");
    }
}
