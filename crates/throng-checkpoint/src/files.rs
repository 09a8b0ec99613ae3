//! Where a checkpoint's files come from: a folder, or memory.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use crate::error::CheckpointError;
use crate::mmap::Bytes;

/// Bytes of a JSON file at most. The released `tokenizer.json` has 28 MB.
const MAX_JSON_BYTES: u64 = 256 << 20;

/// A set of named files.
pub(crate) enum Files<'a> {
    /// Those of a folder.
    Folder(&'a Path),
    /// Those in memory.
    Memory(&'a dyn Embedded),
}

/// Files in memory.
pub(crate) trait Embedded {
    /// All names.
    fn names(&self) -> Vec<String>;

    /// The content of a name.
    fn content(&self, name: &str) -> Option<Bytes>;
}

impl<T: AsRef<[u8]> + Clone + Send + Sync + 'static> Embedded for &[(&str, T)] {
    fn names(&self) -> Vec<String> {
        self.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    fn content(&self, name: &str) -> Option<Bytes> {
        let (_, content) = self.iter().find(|(other, _)| *other == name)?;
        Some(Bytes::Memory(Box::new(content.clone())))
    }
}

impl Files<'_> {
    /// Checks that there is a folder to look into.
    pub(crate) fn check(&self) -> Result<(), CheckpointError> {
        let Self::Folder(path) = self else { return Ok(()) };
        let folder = path.display().to_string();
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(CheckpointError::NotAModel { path: folder }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(CheckpointError::NoFolder { folder })
            }
            Err(source) => Err(CheckpointError::Io { file: folder, source }),
        }
    }

    /// Whether there is something of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Folder(path) => path.join(name).exists(),
            Self::Memory(files) => files.content(name).is_some(),
        }
    }

    /// Names with this ending, in order.
    pub(crate) fn ending_in(&self, ending: &str) -> Result<Vec<String>, CheckpointError> {
        let mut names = match self {
            Self::Memory(files) => files.names(),
            Self::Folder(path) => {
                let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
                let entries = entries.map_err(|source| self.io("", source))?;
                let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
                entries.into_iter().filter_map(name).collect()
            }
        };
        names.retain(|name| name.ends_with(ending));
        names.sort();
        Ok(names)
    }

    /// A file of the folder around this one, read whole; `None` where there is none of this name.
    pub(crate) fn read_above(&self, name: &str) -> Result<Option<Bytes>, CheckpointError> {
        let Self::Folder(path) = self else { return Ok(None) };
        match (path.file_name(), path.parent()) {
            (Some(_), Some(parent)) => Files::Folder(parent).read(name),
            // A path such as `.`, whose last part is no name to take away.
            _ => Files::Folder(&path.join("..")).read(name),
        }
    }

    /// How messages name a file.
    pub(crate) fn label(&self, name: &str) -> String {
        match self {
            Self::Folder(path) => path.join(name).display().to_string(),
            Self::Memory(_) => format!("embedded {name}"),
        }
    }

    /// A file that may be large; `None` where there is none of this name.
    pub(crate) fn map(&self, name: &str) -> Result<Option<Bytes>, CheckpointError> {
        self.get(name, |file, _| Bytes::map(file).map_err(|source| self.io(name, source)))
    }

    /// A file that is read whole; `None` where there is none of this name.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Bytes>, CheckpointError> {
        self.get(name, |mut file, bytes| {
            if bytes > MAX_JSON_BYTES {
                let (file, limit) = (self.label(name), MAX_JSON_BYTES);
                return Err(CheckpointError::TooLarge { file, bytes, limit });
            }
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut content)
                .map_err(|source| self.io(name, source))?;
            Ok(Bytes::Owned(content))
        })
    }

    /// The JSON value in a file; `None` where there is none of this name.
    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>, CheckpointError> {
        let Some(content) = self.read(name)? else { return Ok(None) };
        serde_json::from_slice(&content)
            .map(Some)
            .map_err(|source| CheckpointError::Json { file: self.label(name), source })
    }

    /// The error for a file that must be there.
    pub(crate) fn missing(&self, name: &str) -> CheckpointError {
        CheckpointError::MissingFile { file: self.label(name) }
    }

    /// Opens a file, checks that it is one and hands it with its size to `load`.
    fn get(
        &self,
        name: &str,
        load: impl FnOnce(&File, u64) -> Result<Bytes, CheckpointError>,
    ) -> Result<Option<Bytes>, CheckpointError> {
        let path = match self {
            Self::Folder(path) => path.join(name),
            Self::Memory(files) => return Ok(files.content(name)),
        };
        // Asked before opening, because opening a named pipe waits for its other end.
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(|source| self.io(name, source))?,
        };
        if !metadata.is_file() {
            let source = std::io::Error::new(ErrorKind::InvalidInput, "it is not a regular file");
            return Err(self.io(name, source));
        }
        let file = File::open(&path).map_err(|source| self.io(name, source))?;
        load(&file, metadata.len()).map(Some)
    }

    fn io(&self, name: &str, source: std::io::Error) -> CheckpointError {
        CheckpointError::Io { file: self.label(name), source }
    }
}
