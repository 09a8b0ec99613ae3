//! What is to be fetched, and what is here already.

use std::fs;
use std::path::{Path, PathBuf};

use super::checksum::Checksum;
use crate::cache::{RepoFolder, join};
use crate::error::HubError;
use crate::reference::{RepoId, RepoPath, Revision};

/// A file of a plan.
#[derive(Debug)]
pub struct PlannedFile {
    /// Its name in the repository.
    pub path: RepoPath,
    /// Its size in bytes.
    pub size: u64,
    /// The checksum of its content.
    pub checksum: Checksum,
    /// Bytes of it that the cache has: its size where it is whole.
    pub cached: u64,
}

/// What is to be fetched from a repository.
#[derive(Debug)]
pub struct Plan {
    /// The repository.
    pub repo: RepoId,
    /// The revision that was asked for.
    pub revision: Revision,
    /// The commit that it is.
    pub commit: String,
    /// All files, those included that are here already.
    pub files: Vec<PlannedFile>,
    /// Bytes of all files.
    pub total_bytes: u64,
    /// Where the model is once all files are here: a folder, or a GGUF file.
    pub model: PathBuf,
    pub(crate) folder: RepoFolder,
}

impl Plan {
    /// Bytes that are not here yet.
    pub fn missing_bytes(&self) -> u64 {
        self.total_bytes - self.files.iter().map(|file| file.cached).sum::<u64>()
    }

    /// Where a file of the plan is or will be.
    pub(crate) fn pointer(&self, file: &PlannedFile) -> PathBuf {
        join(&self.folder.snapshot(&self.commit), &file.path)
    }

    /// Checks that what is missing has room.
    pub(crate) fn check_room(&self) -> Result<(), HubError> {
        let needed = self.missing_bytes();
        let folder = self.folder.folder();
        // The folder need not exist yet, and not every disk says what it has left.
        let disk = folder.ancestors().find(|folder| folder.is_dir());
        match disk.and_then(|disk| fs4::available_space(disk).ok()) {
            Some(free) if free < needed => Err(HubError::DiskFull { folder, needed, free }),
            _ => Ok(()),
        }
    }
}

impl PlannedFile {
    /// A file, and what the cache has of it.
    pub(crate) fn new(
        path: RepoPath,
        size: u64,
        checksum: Checksum,
        folder: &RepoFolder,
        commit: &str,
    ) -> Self {
        let pointer = join(&folder.snapshot(commit), &path);
        let is_whole = is_file_of(&pointer, size) || is_file_of(&folder.blob(&checksum), size);
        let cached = if is_whole {
            size
        } else {
            fs::metadata(folder.partial(&checksum)).map_or(0, |part| part.len().min(size))
        };
        Self { path, size, checksum, cached }
    }
}

impl RepoFolder {
    /// The place of a content.
    pub(crate) fn blob(&self, checksum: &Checksum) -> PathBuf {
        self.folder().join("blobs").join(checksum.as_str())
    }

    /// The place of the first part of a content.
    pub(crate) fn partial(&self, checksum: &Checksum) -> PathBuf {
        self.folder().join("blobs").join(format!("{}.incomplete", checksum.as_str()))
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join(".locks").join(&self.name)
    }

    /// The file that is locked by whoever fetches a content.
    pub(crate) fn lock(&self, checksum: &Checksum) -> PathBuf {
        self.locks().join(format!("{}.lock", checksum.as_str()))
    }
}

/// Whether there is a file of this size. Its content was checked when it was written.
pub(crate) fn is_file_of(path: &Path, size: u64) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
}
