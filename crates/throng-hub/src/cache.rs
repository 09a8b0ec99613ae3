//! The cache: where things lie in it, and what is in it already.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::HubError;
use crate::reference::{Reference, RepoId, RepoPath, Revision, is_commit};
use crate::selection;

/// Folders inside folders that are looked through in a snapshot. Real ones have one or two.
const MAX_DEPTH: usize = 8;

/// A cache in the layout of Python's `huggingface_hub`.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The cache in this folder, which need not exist yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a repository.
    pub(crate) fn repo(&self, id: &RepoId) -> RepoFolder {
        RepoFolder { root: self.root.clone(), name: id.folder_name() }
    }

    /// The model that a reference means: the folder of its snapshot, or its (first) GGUF file.
    /// Nothing is fetched.
    ///
    /// # Errors
    /// It is not here, not all of it is, or the reference fits several.
    pub fn find(&self, reference: &Reference) -> Result<PathBuf, HubError> {
        let missing =
            || HubError::NotCached { reference: reference.to_string(), cache: self.root.clone() };
        let repo = self.repo(&reference.repo);
        let commit = repo.commit(&reference.revision)?.ok_or_else(missing)?;
        let snapshot = repo.snapshot(&commit);
        let files = files(&snapshot)?;
        match selection::select(reference, &files) {
            Ok(selection) => {
                Ok(selection.opens.map_or_else(|| snapshot.clone(), |file| join(&snapshot, &file)))
            }
            // The cache has what was asked for last time, not all that the repository has.
            Err(
                HubError::NoModel { .. } | HubError::NoMatch { .. } | HubError::MissingParts { .. },
            ) => Err(missing()),
            Err(error) => Err(error),
        }
    }
}

/// The places of one repository.
#[derive(Debug)]
pub(crate) struct RepoFolder {
    /// The cache's folder.
    pub(crate) root: PathBuf,
    /// The repository's in it.
    pub(crate) name: String,
}

impl RepoFolder {
    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder().join("snapshots").join(commit)
    }

    pub(crate) fn reference(&self, revision: &Revision) -> PathBuf {
        join_parts(&self.folder().join("refs"), revision.as_str())
    }

    /// The commit that a revision was when it was last asked.
    pub(crate) fn commit(&self, revision: &Revision) -> Result<Option<String>, HubError> {
        if revision.is_commit() {
            return Ok(Some(revision.as_str().to_owned()));
        }
        let path = self.reference(revision);
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(HubError::Io { path, source }),
            Ok(metadata) if !metadata.is_file() || metadata.len() > 64 => return Ok(None),
            Ok(_) => {}
        }
        let text = fs::read_to_string(&path).map_err(|source| HubError::Io { path, source })?;
        Ok(Some(text.trim().to_owned()).filter(|text| is_commit(text)))
    }
}

/// A repository's path below a folder of the system.
pub(crate) fn join(folder: &Path, file: &RepoPath) -> PathBuf {
    join_parts(folder, file.as_str())
}

fn join_parts(folder: &Path, path: &str) -> PathBuf {
    path.split('/').fold(folder.to_owned(), |folder, part| folder.join(part))
}

/// The files of a snapshot, sorted. A link to a blob that is gone is none of them; there are none
/// where there is no such folder.
fn files(snapshot: &Path) -> Result<Vec<RepoPath>, HubError> {
    let mut files = Vec::new();
    let mut folders = vec![(snapshot.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let io = |source| HubError::Io { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.map_err(io)?,
        };
        for entry in entries {
            let entry = entry.map_err(io)?;
            let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}"))
            else {
                continue;
            };
            // A link to a folder could lead in circles; no snapshot has one.
            if entry.file_type().map_err(io)?.is_dir() {
                if depth < MAX_DEPTH {
                    folders.push((entry.path(), format!("{name}/"), depth + 1));
                }
            } else if entry.path().is_file() {
                files.extend(name.parse::<RepoPath>().ok());
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn cached(files: &[&str]) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("models--a--b");
        fs::create_dir_all(repo.join("refs")).unwrap();
        fs::write(repo.join("refs/main"), COMMIT).unwrap();
        for file in files {
            let path = repo.join("snapshots").join(COMMIT).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let cache = Cache::new(folder.path().to_owned());
        (folder, cache)
    }

    fn find(cache: &Cache, reference: &str) -> Result<String, HubError> {
        let found = cache.find(&reference.parse().unwrap())?;
        let snapshots = cache.root().join("models--a--b/snapshots");
        Ok(found.strip_prefix(snapshots).unwrap().to_str().unwrap().to_owned())
    }

    #[test]
    fn finds_folders_and_files() {
        let (_folder, cache) = cached(&["config.json", "model.safetensors", "q/m-Q8_0.gguf"]);
        assert_eq!(find(&cache, "a/b").unwrap(), COMMIT);
        assert_eq!(find(&cache, &format!("a/b@{COMMIT}")).unwrap(), COMMIT);
        assert_eq!(find(&cache, "a/b:Q8_0").unwrap(), format!("{COMMIT}/q/m-Q8_0.gguf"));
        for absent in ["a/c", "a/b@v2", "a/b:Q4_0", "a/b@0000000000000000000000000000000000000000"]
        {
            let error = find(&cache, absent).unwrap_err();
            assert!(matches!(error, HubError::NotCached { .. }), "{error}");
            assert_eq!(error.hint().unwrap(), format!("`throng pull {absent}` fetches it"));
        }
    }

    #[test]
    fn a_gguf_repository_opens_as_its_file() {
        let (_folder, cache) = cached(&["m-Q8_0.gguf"]);
        assert_eq!(find(&cache, "a/b").unwrap(), format!("{COMMIT}/m-Q8_0.gguf"));
        let (_folder, cache) = cached(&["m-Q8_0.gguf", "m-Q4_0.gguf"]);
        assert!(matches!(find(&cache, "a/b"), Err(HubError::Ambiguous { .. })));
        let (_folder, cache) = cached(&["m-Q8_0-00001-of-00002.gguf"]);
        assert!(matches!(find(&cache, "a/b"), Err(HubError::NotCached { .. })));
    }

    #[test]
    fn a_reference_that_is_no_commit_leads_nowhere() {
        let (folder, cache) = cached(&["model.safetensors"]);
        for text in ["../../../x", "", &"0".repeat(100)] {
            fs::write(folder.path().join("models--a--b/refs/main"), text).unwrap();
            assert!(matches!(find(&cache, "a/b"), Err(HubError::NotCached { .. })), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_blob_that_is_gone_is_no_file() {
        let (folder, cache) = cached(&["config.json"]);
        let snapshot = folder.path().join("models--a--b/snapshots").join(COMMIT);
        std::os::unix::fs::symlink("../../blobs/gone", snapshot.join("model.safetensors")).unwrap();
        assert!(matches!(find(&cache, "a/b"), Err(HubError::NotCached { .. })));
    }
}
