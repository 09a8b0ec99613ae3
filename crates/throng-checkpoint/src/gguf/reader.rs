//! The primitives of a GGUF header, each checked against the end of the file.

use super::header::Flaw;

/// Bytes of a key or a tensor's name at most, as the format's definition says.
const MAX_NAME_BYTES: usize = 65_535;

/// What is still to be read of a file's header.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let taken = self.bytes[self.at..].get(..len).ok_or(Flaw::Ends)?;
        self.at += len;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let taken = self.bytes[self.at..].first_chunk().ok_or(Flaw::Ends)?;
        self.at += N;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Flaw> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Flaw> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of things of which each takes at least so many bytes: no more than the file can
    /// have.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, Flaw> {
        let count = self.u64()?;
        if count > (self.remaining() / each) as u64 {
            return Err(Flaw::Ends);
        }
        Ok(count as usize)
    }

    /// A text: its length in bytes, then UTF-8.
    pub(super) fn text(&mut self) -> Result<&'a str, Flaw> {
        let len = self.count(1)?;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|_| Flaw::Wrong("a text that is not UTF-8".to_owned()))
    }

    /// A key or a tensor's name.
    pub(super) fn name(&mut self) -> Result<&'a str, Flaw> {
        let name = self.text()?;
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(Flaw::Wrong(format!("a name of {} bytes", name.len())));
        }
        Ok(name)
    }
}
