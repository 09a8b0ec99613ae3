//! The part of a content that is on the disk, and its checksum so far.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::checksum::{Checksum, Hasher};
use crate::error::HubError;

/// A file that grows until it is whole.
pub(crate) struct Part {
    path: PathBuf,
    file: File,
    size: u64,
    checksum: Checksum,
    bytes: u64,
    hasher: Hasher,
}

impl Part {
    /// Opens the first part of a content of `size` bytes, or begins one. None of it is counted yet:
    /// [`Part::take_in`] does that.
    pub(crate) fn open(path: PathBuf, size: u64, checksum: Checksum) -> Result<Self, HubError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|source| HubError::Io { path: path.clone(), source })?;
        let hasher = checksum.hasher(size);
        let mut part = Self { path, file, size, checksum, bytes: 0, hasher };
        let length = part.file.metadata().map_err(|error| part.io(error))?.len();
        if length > size {
            part.restart()?;
        }
        Ok(part)
    }

    /// Bytes that are here and counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that are not.
    pub(crate) fn missing(&self) -> u64 {
        self.size - self.bytes
    }

    /// Counts what an earlier process left, a buffer at a time; false at its end.
    pub(crate) fn take_in(&mut self, buffer: &mut [u8]) -> Result<bool, HubError> {
        let bytes = self.file.read(buffer).map_err(|error| self.io(error))?;
        self.hasher.update(&buffer[..bytes]);
        self.bytes += bytes as u64;
        Ok(bytes > 0)
    }

    /// Appends.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(|error| self.io(error))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all of it.
    pub(crate) fn restart(&mut self) -> Result<(), HubError> {
        self.file.set_len(0).map_err(|error| self.io(error))?;
        self.file.seek(SeekFrom::Start(0)).map_err(|error| self.io(error))?;
        self.hasher = self.checksum.hasher(self.size);
        self.bytes = 0;
        Ok(())
    }

    /// The checksum of what is here. To be asked once: the count begins anew.
    pub(crate) fn digits(&mut self) -> String {
        let fresh = self.checksum.hasher(self.size);
        std::mem::replace(&mut self.hasher, fresh).finish()
    }

    /// Gives it its place, on the disk and not only in its cache: a name must not outlive a power
    /// cut that the content does not.
    pub(crate) fn settle(self, blob: PathBuf) -> Result<(), HubError> {
        self.file.sync_data().map_err(|error| self.io(error))?;
        std::fs::rename(&self.path, &blob).map_err(|source| HubError::Io { path: blob, source })
    }

    /// Takes it from the disk.
    pub(crate) fn remove(self) -> Result<(), HubError> {
        std::fs::remove_file(&self.path).map_err(|source| HubError::Io { path: self.path, source })
    }

    fn io(&self, source: std::io::Error) -> HubError {
        HubError::Io { path: self.path.clone(), source }
    }
}
