//! The hub's list of a repository's files, checked.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::checksum::Checksum;
use crate::error::HubError;
use crate::reference::{RepoId, RepoPath, is_commit};

/// The files of a repository at a commit.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: BTreeMap<RepoPath, Facts>,
}

/// What the list says about a file; a mirror may say less than the hub.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) size: Option<u64>,
    pub(crate) checksum: Option<Checksum>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: Option<u64>,
}

impl Listing {
    /// Reads and checks what the hub sent.
    ///
    /// # Errors
    /// It is not such a list, or it names a file that lies outside of the repository.
    pub(crate) fn parse(repo: &RepoId, json: &[u8]) -> Result<Self, HubError> {
        let bad = |reason: String| HubError::BadListing { repo: repo.to_string(), reason };
        let info: Info = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if !is_commit(&info.sha) {
            return Err(bad(format!(
                "{:?} is no commit",
                info.sha.chars().take(64).collect::<String>()
            )));
        }
        let mut files = BTreeMap::new();
        for sibling in info.siblings {
            let path: RepoPath = sibling.rfilename.parse()?;
            let checksum = match (&sibling.lfs, &sibling.blob_id) {
                (Some(lfs), _) => Some(&lfs.sha256),
                (None, blob_id) => blob_id.as_ref(),
            };
            let checksum = checksum
                .map(|text| {
                    Checksum::parse(text)
                        .ok_or_else(|| bad(format!("{path} has no sound checksum")))
                })
                .transpose()?;
            let size = sibling.lfs.and_then(|lfs| lfs.size).or(sibling.size);
            if files.insert(path.clone(), Facts { size, checksum }).is_some() {
                return Err(bad(format!("it has {path} twice")));
            }
        }
        Ok(Self { commit: info.sha, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

    fn parse(json: &str) -> Result<Listing, HubError> {
        let json = json.replace("SHA1", SHA1).replace("SHA256", &"f".repeat(64));
        Listing::parse(&"a/b".parse().unwrap(), json.as_bytes())
    }

    #[test]
    fn a_large_file_has_its_own_checksum_and_size() {
        let listing = parse(
            r#"{"sha": "SHA1", "siblings": [
                {"rfilename": "a", "size": 1, "blobId": "SHA1"},
                {"rfilename": "b", "size": 130, "blobId": "SHA1",
                 "lfs": {"sha256": "SHA256", "size": 2, "pointerSize": 130}},
                {"rfilename": "c"}]}"#,
        )
        .unwrap();
        let facts: Vec<_> = listing.files.values().map(|f| (f.size, f.checksum.clone())).collect();
        let (git, sha256) = (Checksum::parse(SHA1), Checksum::parse(&"f".repeat(64)));
        assert_eq!(facts, [(Some(1), git), (Some(2), sha256), (None, None)]);
        assert_eq!(listing.commit, SHA1);
    }

    #[test]
    fn what_is_no_list() {
        for json in [
            "",
            "[]",
            r#"{"sha": "SHA1"}"#,
            r#"{"sha": "main", "siblings": []}"#,
            r#"{"sha": "../../x", "siblings": []}"#,
            r#"{"sha": "SHA1", "siblings": [{"rfilename": "a", "size": -1}]}"#,
            r#"{"sha": "SHA1", "siblings": [{"rfilename": "a", "size": 99999999999999999999}]}"#,
            r#"{"sha": "SHA1", "siblings": [{"rfilename": "a", "blobId": "../../x"}]}"#,
            r#"{"sha": "SHA1", "siblings": [{"rfilename": "a"}, {"rfilename": "a"}]}"#,
        ] {
            assert!(matches!(parse(json), Err(HubError::BadListing { .. })), "{json}");
        }
        for name in ["../x", "/x", "a/../../x", "a\\\\..\\\\x", "a\\u001b[2J"] {
            let json = format!(r#"{{"sha": "SHA1", "siblings": [{{"rfilename": "{name}"}}]}}"#);
            assert!(matches!(parse(&json), Err(HubError::UnsafeName { .. })), "{json}");
        }
    }
}
