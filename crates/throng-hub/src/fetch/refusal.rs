//! What a server's refusal means.

use std::time::Duration;

use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode};

use super::patience::Fault;
use super::url::Endpoint;
use crate::error::HubError;
use crate::reference::{RepoId, RepoPath, Revision};

/// Characters of a server's words that are passed on.
const MAX_WORDS: usize = 200;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) repo: &'a RepoId,
    pub(crate) revision: &'a Revision,
    /// `None` for the list of files.
    pub(crate) file: Option<&'a RepoPath>,
}

/// Who was asked, and with what right.
pub(crate) struct Asked<'a> {
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) with_token: bool,
    pub(crate) host: &'a str,
    /// Whether the hub itself answers, and not where it redirects to.
    pub(crate) at_home: bool,
}

/// Passes an answer that is one, and names what another means: the hub's own word for it
/// (`X-Error-Code`) first, its status next.
pub(crate) fn check(
    response: Response<Body>,
    asked: &Asked<'_>,
    subject: Subject<'_>,
) -> Result<Response<Body>, Fault> {
    let status = response.status();
    if status.is_success() || (status == StatusCode::RANGE_NOT_SATISFIABLE) {
        return Ok(response);
    }
    let headers = response.headers();
    if is_passing(status) || (!asked.at_home && status == StatusCode::FORBIDDEN) {
        // A CDN forbids what was signed too long ago; the hub signs it anew.
        let wait = header(headers, "retry-after").and_then(|text| text.trim().parse().ok());
        let wait = wait.map(Duration::from_secs);
        return Err(Fault::Passing { error: plain(status, headers, asked.host), wait });
    }
    let code = header(headers, "x-error-code").filter(|_| asked.at_home).unwrap_or_default();
    Err(Fault::Lasting(lasting(status, code, asked, subject, headers)))
}

fn lasting(
    status: StatusCode,
    code: &str,
    asked: &Asked<'_>,
    subject: Subject<'_>,
    headers: &HeaderMap,
) -> HubError {
    let with_token = asked.with_token;
    let repo = subject.repo.to_string();
    let endpoint = asked.endpoint.as_str().to_owned();
    let revision = subject.revision.to_string();
    match (code, status.as_u16(), subject.file) {
        ("GatedRepo", ..) => {
            HubError::Gated { repo, with_token, page: asked.endpoint.page(subject.repo) }
        }
        ("RevisionNotFound", ..) => HubError::RevisionNotFound { repo, revision },
        ("EntryNotFound", _, Some(file)) | ("", 404, Some(file)) if asked.at_home => {
            HubError::FileNotFound { repo, file: file.to_string() }
        }
        ("", 401, _) if with_token && asked.at_home => HubError::TokenRefused { endpoint },
        ("RepoNotFound", ..) => HubError::RepoNotFound { endpoint, repo, with_token },
        ("", 401, _) if asked.at_home => HubError::RepoNotFound { endpoint, repo, with_token },
        // A hub without error codes does not say which of the two it does not know.
        ("", 404, None) if *subject.revision == Revision::default() => {
            HubError::RepoNotFound { endpoint, repo, with_token }
        }
        ("", 404, None) => HubError::RevisionNotFound { repo, revision },
        _ => plain(status, headers, asked.host),
    }
}

fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// The status and the server's words, without what a terminal would obey.
fn plain(status: StatusCode, headers: &HeaderMap, host: &str) -> HubError {
    let words: String = header(headers, "x-error-message")
        .unwrap_or(status.canonical_reason().unwrap_or_default())
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_WORDS)
        .collect();
    let message = if words.is_empty() { words } else { format!(": {words}") };
    HubError::Status { host: host.to_owned(), status: status.as_u16(), message }
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
