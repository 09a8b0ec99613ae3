//! The bytes of a file: mapped, read or in memory before. The only file here with `unsafe` in it.

use std::fs::File;
use std::io;
use std::ops::Range;

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

    /// Gives the memory that a range's mapped pages occupy back to the system. They can still be
    /// read: that maps them again.
    #[cfg(target_os = "linux")]
    pub(crate) fn release(&self, range: Range<usize>) {
        use memmap2::UncheckedAdvice::DontNeed;
        if let Self::Mapped(map) = self {
            // SAFETY: of a read-only mapping of a file, pages that were dropped are read from the
            // file again with the content that they had.
            let advised = unsafe { map.unchecked_advise_range(DontNeed, range.start, range.len()) };
            // Memory that the system does not take back is only memory.
            advised.unwrap_or_default();
        }
    }

    /// Elsewhere the system finds out by itself.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn release(&self, _: Range<usize>) {}
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
