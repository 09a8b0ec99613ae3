//! What can go wrong between the hub and the cache.

use std::path::PathBuf;

use bytesize::ByteSize;

/// A model that was not fetched or not found. Each message is one line; [`HubError::hint`] has a
/// second one where there is a way out.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Not the name of a repository.
    #[error("{given:?} does not name a repository of the hub")]
    InvalidRepo {
        /// What was typed.
        given: String,
    },
    /// Not the name of a branch, a tag or a commit.
    #[error("{given:?} does not name a revision")]
    InvalidRevision {
        /// What was typed.
        given: String,
    },
    /// `HF_ENDPOINT` is no address.
    #[error("HF_ENDPOINT is {given:?}, expected the address of a hub")]
    InvalidEndpoint {
        /// What it is.
        given: String,
    },
    /// The token cannot be sent.
    #[error("the token in {origin} has characters that no token has")]
    InvalidToken {
        /// The variable or the file that it is from.
        origin: String,
    },
    /// No variable says where the cache is.
    #[error("there is no home folder to keep a cache in")]
    NoCacheFolder,
    /// Certificates that were asked for cannot be used.
    #[error("SSL_CERT_FILE: {reason}")]
    Certificates {
        /// What is wrong with them.
        reason: String,
    },
    /// Fetching was forbidden.
    #[error("HF_HUB_OFFLINE is set, so nothing is fetched")]
    Offline,
    /// The hub knows no such repository, or hides it.
    #[error("{endpoint} has no repository {repo}, or does not show it {}", whom(*.with_token))]
    RepoNotFound {
        /// The hub's address.
        endpoint: String,
        /// The repository.
        repo: String,
        /// Whether a token was sent.
        with_token: bool,
    },
    /// The repository has no such revision.
    #[error("{repo} has no revision {revision}")]
    RevisionNotFound {
        /// The repository.
        repo: String,
        /// The revision.
        revision: String,
    },
    /// The file was in the list and is not there.
    #[error("{repo} lists {file}, and has no such file")]
    FileNotFound {
        /// The repository.
        repo: String,
        /// The file.
        file: String,
    },
    /// The owner lets only some people in.
    #[error("{repo} is gated: its owner decides who may fetch it")]
    Gated {
        /// The repository.
        repo: String,
        /// Whether a token was sent.
        with_token: bool,
        /// Where to ask for access.
        page: String,
    },
    /// The hub does not accept the token.
    #[error("{endpoint} refuses the token")]
    TokenRefused {
        /// The hub's address.
        endpoint: String,
    },
    /// Any other refusal.
    #[error("{host} answers {status}{message}")]
    Status {
        /// Who answers.
        host: String,
        /// Its HTTP status.
        status: u16,
        /// `: ` and its words, or nothing.
        message: String,
    },
    /// No answer at all.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// Who was asked: `the hub at HOST`, or the host it sent us to.
        server: String,
        /// What happened.
        reason: String,
    },
    /// An answer that breaks off, or is none that was asked for.
    #[error("{file} broke off: {reason}")]
    BrokenOff {
        /// The file that was being fetched.
        file: String,
        /// What happened.
        reason: String,
    },
    /// The server's certificate is none that we trust.
    #[error("{server} cannot be trusted: {reason}")]
    Untrusted {
        /// Who was asked, as in [`HubError::Unreachable`].
        server: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// A redirection that leads nowhere.
    #[error("{host} redirects {reason}")]
    BadRedirect {
        /// Who redirects.
        host: String,
        /// How.
        reason: String,
    },
    /// The list of files is not what the hub sends.
    #[error("the hub's list of the files of {repo} is not usable: {reason}")]
    BadListing {
        /// The repository.
        repo: String,
        /// What is wrong.
        reason: String,
    },
    /// A file name that could be written elsewhere than into the snapshot.
    #[error("the file name \"{name}\" is not safe")]
    UnsafeName {
        /// The name, escaped.
        name: String,
    },
    /// Nothing that a model is made of.
    #[error("{repo} has neither safetensors nor GGUF files at its top")]
    NoModel {
        /// The repository.
        repo: String,
    },
    /// Several models, and none was chosen.
    #[error("{repo} has {} GGUF models: {}", .choices.len(), .choices.join(", "))]
    Ambiguous {
        /// The repository.
        repo: String,
        /// What follows the colon to choose each.
        choices: Vec<String>,
    },
    /// What was asked for is not in the repository.
    #[error("{repo} has no file that {wanted} names{}", offer(.choices))]
    NoMatch {
        /// The repository.
        repo: String,
        /// The file, the type or the pattern.
        wanted: String,
        /// What it does have.
        choices: Vec<String>,
    },
    /// Parts of a split file are missing.
    #[error("{repo} has {found} of the {expected} parts of {file}")]
    MissingParts {
        /// The repository.
        repo: String,
        /// The split file.
        file: String,
        /// Parts there.
        found: usize,
        /// Parts that its names promise.
        expected: usize,
    },
    /// The disk would be full.
    #[error("{} has {} free, {} are to be fetched", .folder.display(), si(.free), si(.needed))]
    DiskFull {
        /// Where to.
        folder: PathBuf,
        /// Bytes to fetch.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// The server's size is not the list's.
    #[error("{file} has {found} bytes, the hub's list says {expected}")]
    WrongSize {
        /// The file.
        file: String,
        /// The list's size in bytes.
        expected: u64,
        /// What the server says or sends.
        found: u64,
    },
    /// The content does not have the checksum that the hub names, twice in a row.
    #[error("{file} arrived damaged twice: its {algorithm} is {found}, the hub says {expected}")]
    Corrupt {
        /// The file.
        file: String,
        /// Which checksum.
        algorithm: &'static str,
        /// The hub's.
        expected: String,
        /// The content's.
        found: String,
    },
    /// The cache cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The cache does not have it.
    #[error("no model {reference}: no such folder here, and the cache in {} lacks it", .cache.display())]
    NotCached {
        /// What was asked for.
        reference: String,
        /// The cache's folder.
        cache: PathBuf,
    },
}

fn whom(with_token: bool) -> &'static str {
    if with_token { "to the owner of this token" } else { "to strangers" }
}

fn offer(choices: &[String]) -> String {
    if choices.is_empty() { String::new() } else { format!("; it has {}", choices.join(", ")) }
}

fn si(bytes: &u64) -> String {
    ByteSize::b(*bytes).display().si().to_string()
}
