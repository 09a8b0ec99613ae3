//! Files that get their names only when all of them are complete.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::WriteError;
use crate::gguf;

/// Unfinished files of one folder. Dropped without [`Staging::commit`], it removes them.
pub(crate) struct Staging {
    folder: PathBuf,
    /// Whether the folder was made for these files.
    made: bool,
    /// Whether the files make up a checkpoint, so that no other's may be left beside them.
    alone: bool,
    /// Names that the files will have.
    names: Vec<String>,
}

impl Staging {
    /// Makes a folder, or takes one that is empty or may be changed.
    pub(crate) fn folder(folder: &Path, force: bool) -> Result<Self, WriteError> {
        let io = |source| WriteError::io(folder, source);
        let path = || folder.display().to_string();
        let made = match fs::metadata(folder) {
            Ok(metadata) if !metadata.is_dir() => {
                return Err(WriteError::WrongKind { path: path(), found: "not a folder" });
            }
            Ok(_) => {
                if !force && fs::read_dir(folder).map_err(io)?.next().is_some() {
                    return Err(WriteError::Exists { path: path() });
                }
                false
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(io)?;
                true
            }
            Err(error) => return Err(io(error)),
        };
        Ok(Self { folder: folder.to_owned(), made, alone: true, names: Vec::new() })
    }

    /// Prepares for one file, whose folder is made if need be. Gives its name too.
    pub(crate) fn file(file: &Path, force: bool) -> Result<(Self, String), WriteError> {
        let path = || file.display().to_string();
        let name = file.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|name| name.ends_with(gguf::EXTENSION)) else {
            return Err(WriteError::NotNamedGguf { path: path() });
        };
        match fs::metadata(file) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(WriteError::WrongKind { path: path(), found: "a folder" });
            }
            Ok(metadata) if metadata.len() > 0 && !force => {
                return Err(WriteError::Exists { path: path() });
            }
            _ => {}
        }
        // The parent of a bare name is the empty path.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut staging = Self::folder(folder, true)?;
        staging.alone = false;
        Ok((staging, name.to_owned()))
    }

    /// Checks that the disk has room for so many bytes, if it says what it has left.
    pub(crate) fn check_room(&self, needed: u64) -> Result<(), WriteError> {
        match fs4::available_space(&self.folder) {
            Ok(free) if free < needed => {
                let path = self.folder.display().to_string();
                Err(WriteError::NoRoom { path, needed, free })
            }
            _ => Ok(()),
        }
    }

    /// Where to write a file until it gets its name.
    pub(crate) fn add(&mut self, name: &str) -> PathBuf {
        let path = self.partial(name);
        // What a killed process left behind; if it cannot be removed, writing says so.
        let _ = fs::remove_file(&path);
        self.names.push(name.to_owned());
        path
    }

    /// Writes a small file.
    pub(crate) fn write(&mut self, name: &str, content: &[u8]) -> Result<(), WriteError> {
        let path = self.add(name);
        fs::write(&path, content).map_err(|source| WriteError::io(&path, source))
    }

    /// Gives all files their names, after removing weights that would be taken for theirs.
    pub(crate) fn commit(mut self) -> Result<(), WriteError> {
        let io = |source| WriteError::io(&self.folder, source);
        for entry in fs::read_dir(&self.folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            if self.alone && name.to_str().is_some_and(is_weights) {
                fs::remove_file(self.folder.join(name)).map_err(io)?;
            }
        }
        for name in &self.names {
            fs::rename(self.partial(name), self.folder.join(name)).map_err(io)?;
        }
        self.names.clear();
        self.made = false;
        Ok(())
    }

    fn partial(&self, name: &str) -> PathBuf {
        self.folder.join(format!(".{name}.partial"))
    }
}

impl Drop for Staging {
    /// Nothing more can be done about a file that cannot be removed.
    fn drop(&mut self) {
        for name in &self.names {
            let _ = fs::remove_file(self.partial(name));
        }
        if self.made {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// Whether a checkpoint's weights are in files of this name.
fn is_weights(name: &str) -> bool {
    name == "model.safetensors"
        || name == "model.safetensors.index.json"
        || name.starts_with("model-") && name.ends_with(".safetensors")
}

#[cfg(test)]
mod tests {
    use super::{Staging, WriteError};

    #[test]
    fn a_disk_has_room_for_something_and_not_for_everything() {
        let folder = std::env::temp_dir().join(format!("throng-staging-{}", std::process::id()));
        let staging = Staging::folder(&folder, false).expect("a new folder");
        assert!(staging.check_room(1).is_ok());
        let error = staging.check_room(u64::MAX);
        assert!(matches!(error, Err(WriteError::NoRoom { .. })), "{error:?}");
        drop(staging);
        assert!(!folder.exists());
    }
}
