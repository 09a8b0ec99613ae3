//! What a person types to name a model of the hub, and the names inside its repository.

use std::fmt;
use std::str::FromStr;

use crate::error::HubError;

/// Bytes of a repository's name, at most: the hub's own limit.
const MAX_REPO_BYTES: usize = 96;

/// Bytes of a revision's or a file's name, at most: what file systems take in one piece.
const MAX_NAME_BYTES: usize = 255;

/// The branch that is meant where none is named.
const DEFAULT_REVISION: &str = "main";

/// A repository: `ORG/NAME`, by the hub's own rules for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoId(String);

impl RepoId {
    /// `ORG/NAME`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its folder in the cache.
    pub(crate) fn folder_name(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

impl FromStr for RepoId {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let sound = |part: &str| {
            !part.is_empty()
                && part.chars().all(allowed)
                && !part.starts_with(['-', '.'])
                && !part.ends_with(['-', '.'])
        };
        let parts = text.split_once('/');
        // `--` stands for the slash in the cache's folders.
        let refused = text.contains("--") || text.contains("..") || text.ends_with(".git");
        match parts {
            Some((org, name))
                if sound(org) && sound(name) && !refused && text.len() <= MAX_REPO_BYTES =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(HubError::InvalidRepo { given: text.to_owned() }),
        }
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A branch, a tag, a pull request's `refs/pr/N`, or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a commit's whole hash, which never means anything else.
    pub fn is_commit(&self) -> bool {
        is_commit(&self.0)
    }
}

impl Default for Revision {
    fn default() -> Self {
        Self(DEFAULT_REVISION.to_owned())
    }
}

impl FromStr for Revision {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        // It becomes a path below `refs`, and part of an address.
        let allowed = |c: char| c.is_ascii_graphic() && !"\\:?*\"<>|~^[#%@".contains(c);
        if text.len() <= MAX_NAME_BYTES && text.chars().all(allowed) && is_inside(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(HubError::InvalidRevision { given: text.to_owned() })
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether it is the hash of a git commit: 40 hexadecimal digits, small letters.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A file of a repository: a relative path that stays inside, with `/` between its parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

impl RepoPath {
    /// The path, with `/` on every system.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether it lies in no folder of the repository.
    pub(crate) fn is_top_level(&self) -> bool {
        !self.0.contains('/')
    }
}

impl FromStr for RepoPath {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        let odd =
            |c: char| c.is_control() || c == '\\' || (cfg!(windows) && ":?*\"<>|".contains(c));
        let short = text.split('/').all(|part| part.len() <= MAX_NAME_BYTES);
        if short && !text.contains(odd) && is_inside(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(HubError::UnsafeName { name: text.escape_default().to_string() })
        }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a path with `/` is relative and has no part that leads elsewhere.
fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// What `throng pull` and `-m` take: `ORG/NAME`, then `@REVISION`, then `:FILE`, both optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The repository.
    pub repo: RepoId,
    /// Which state of it.
    pub revision: Revision,
    /// Which GGUF file of it: its path, or its type such as `Q4_K_M`.
    pub file: Option<String>,
}

impl FromStr for Reference {
    type Err = HubError;

    fn from_str(text: &str) -> Result<Self, HubError> {
        // Neither a repository nor a revision has a colon in its name; a file may have any.
        let invalid = || HubError::InvalidRepo { given: text.to_owned() };
        let (state, file) = match text.split_once(':') {
            Some((_, "")) => return Err(invalid()),
            Some((state, file)) => (state, Some(file.to_owned())),
            None => (text, None),
        };
        let (repo, revision) = match state.split_once('@') {
            Some((repo, revision)) => (repo, revision.parse()?),
            None => (state, Revision::default()),
        };
        Ok(Self { repo: repo.parse().map_err(|_| invalid())?, revision, file })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repo)?;
        if self.revision != Revision::default() {
            write!(f, "@{}", self.revision)?;
        }
        self.file.iter().try_for_each(|file| write!(f, ":{file}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_a_repository_a_revision_and_a_file() {
        let reference: Reference = "Org-1/a.b_c@refs/pr/3:q/x:y.gguf".parse().unwrap();
        assert_eq!(reference.repo.as_str(), "Org-1/a.b_c");
        assert_eq!(reference.repo.folder_name(), "models--Org-1--a.b_c");
        assert_eq!(reference.revision.as_str(), "refs/pr/3");
        assert_eq!(reference.file.as_deref(), Some("q/x:y.gguf"));
        assert_eq!(reference.to_string(), "Org-1/a.b_c@refs/pr/3:q/x:y.gguf");
        let plain: Reference = "a/b".parse().unwrap();
        assert_eq!((plain.revision.as_str(), plain.file), ("main", None));
    }

    #[test]
    fn names_that_could_lead_elsewhere_are_none() {
        let long = format!("a/{}", "b".repeat(MAX_REPO_BYTES));
        for repo in ["a", "/a", "a/", "a/b/c", "../a", "a/..", "a--b/c", "a/b.git", "ä/b", &long] {
            assert!(repo.parse::<Reference>().is_err(), "{repo}");
        }
        for revision in ["", "..", "a/../b", "/a", "a//b", "a b", "a\\b", "a%2f", "a\n"] {
            assert!(revision.parse::<Revision>().is_err(), "{revision}");
        }
        let long = "a".repeat(MAX_NAME_BYTES + 1);
        for path in ["", "/etc/passwd", "../a", "a/../../b", "a/./b", "a\\..\\b", "a\u{1b}", &long]
        {
            assert!(path.parse::<RepoPath>().is_err(), "{path}");
        }
        assert!("a b/ü (1).gguf".parse::<RepoPath>().is_ok());
    }
}
