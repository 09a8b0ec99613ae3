//! The bytes of a file: mapped, read or in memory before. The only file here with `unsafe` in it.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// The content of a file, wherever it is.
pub(crate) enum Bytes {
    /// Mapped: pages are read when touched, and shared between processes.
    Mapped(Mmap),
    /// Read into memory.
    Owned(Vec<u8>),
    /// In memory already, such as part of the program.
    Memory(Box<dyn AsRef<[u8]> + Send + Sync>),
}

impl Bytes {
    /// Maps a whole file.
    pub(crate) fn map(file: &File) -> io::Result<Self> {
        // An empty range cannot be mapped everywhere.
        if file.metadata()?.len() == 0 {
            return Ok(Self::Owned(Vec::new()));
        }
        // SAFETY: the mapping is private and read-only, so this program never writes to what the
        // slice shows. Another program that changes or cuts the file while it is mapped could;
        // model files are documented as read-only while in use (see `Checkpoint::open`).
        unsafe { Mmap::map(file) }.map(Self::Mapped)
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
            Self::Memory(bytes) => (**bytes).as_ref(),
        }
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}
