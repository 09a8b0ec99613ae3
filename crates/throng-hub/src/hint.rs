//! The way out of each error.

use crate::error::HubError;

impl HubError {
    /// What to do about it, as one sentence, where something can be done.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::InvalidRepo { .. } | Self::InvalidRevision { .. } => {
                "ORG/NAME, ORG/NAME@REVISION or ORG/NAME:FILE.gguf, as in openai/gpt-oss-20b"
            }
            Self::InvalidEndpoint { .. } => "such as https://huggingface.co, which is the default",
            Self::InvalidToken { .. } => {
                "a token is one line, such as hf_… from the hub's settings"
            }
            Self::NoCacheFolder => "set HF_HUB_CACHE to a folder",
            Self::Certificates { .. } => "it is a file of certificates in PEM form",
            Self::Untrusted { .. } => {
                "behind a proxy that opens connections, SSL_CERT_FILE names its certificates"
            }
            Self::Offline => "unset HF_HUB_OFFLINE, or pull where there is a network",
            Self::RepoNotFound { with_token: false, .. } => {
                "check the spelling; a private repository needs HF_TOKEN"
            }
            Self::RepoNotFound { with_token: true, .. } => {
                "check the spelling, and that HF_TOKEN may read it"
            }
            Self::RevisionNotFound { .. } => "without @REVISION it is the branch main",
            Self::Gated { with_token: false, page, .. } => {
                return Some(format!("accept its terms on {page}, then set HF_TOKEN to a token"));
            }
            Self::Gated { with_token: true, page, .. } => {
                return Some(format!("accept its terms on {page} as the owner of HF_TOKEN"));
            }
            Self::TokenRefused { .. } => "make a new token, or unset HF_TOKEN for public models",
            Self::Unreachable { .. } => {
                "check the network, and HF_ENDPOINT if it is set; the same command goes on where \
                 it stopped"
            }
            Self::Status { status: 429 | 500.., .. } | Self::BrokenOff { .. } => {
                "the same command goes on where it stopped, once the hub answers"
            }
            Self::NoModel { .. } => "--include 'GLOB' fetches whatever it names",
            Self::Ambiguous { repo, choices } => {
                return choices
                    .first()
                    .map(|choice| format!("choose one, such as {repo}:{choice}"));
            }
            Self::DiskFull { .. } => "make room, or set HF_HUB_CACHE to a folder on another disk",
            Self::Corrupt { .. } | Self::WrongSize { .. } => {
                "a proxy may be changing the files; nothing damaged was kept"
            }
            Self::Io { .. } => {
                "the cache wants a folder that may be written to, on a disk with room: \
                 HF_HUB_CACHE names one"
            }
            Self::NotCached { reference, .. } => {
                return Some(format!("`throng pull {reference}` fetches it"));
            }
            Self::MissingParts { .. } => "it may still be uploading; its owner knows",
            Self::Status { .. }
            | Self::FileNotFound { .. }
            | Self::BadRedirect { .. }
            | Self::BadListing { .. }
            | Self::UnsafeName { .. }
            | Self::NoMatch { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
