//! One safetensors file: where its tensors lie. <https://github.com/huggingface/safetensors>

use std::ops::Range;

use safetensors::tensor::{Dtype, Metadata};

use crate::error::CheckpointError;
use crate::mmap::Bytes;

/// Bytes of a header at most. The largest released one, gpt-oss-120b's, has 60 kB.
const MAX_HEADER_BYTES: u64 = 64 << 20;
const LENGTH_BYTES: usize = size_of::<u64>();
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// A safetensors file whose header has been checked: every range lies within the file, and holds as
/// many bytes as dtype and shape ask for.
#[derive(Debug)]
pub(crate) struct Archive {
    /// How messages name the file.
    pub(crate) file: String,
    bytes: Bytes,
    header: Metadata,
    /// Where the data begins that offsets in the header count from.
    data_start: usize,
}

/// A tensor as the header describes it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// Within the file.
    pub(crate) range: Range<usize>,
}

impl Archive {
    /// Reads and checks the header.
    pub(crate) fn new(file: String, bytes: Bytes) -> Result<Self, CheckpointError> {
        if bytes.starts_with(LFS_POINTER) {
            return Err(CheckpointError::LfsPointer { file });
        }
        let found = bytes.len() as u64;
        let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
            let expected = LENGTH_BYTES as u64;
            return Err(CheckpointError::Truncated { file, found, expected });
        };
        let length = u64::from_le_bytes(*length);
        if length > MAX_HEADER_BYTES {
            let reason = format!("a header of {length} bytes, expected at most {MAX_HEADER_BYTES}");
            return Err(CheckpointError::Corrupt { file, reason });
        }
        let data_start = LENGTH_BYTES + length as usize;
        let Some(json) = rest.get(..length as usize) else {
            let expected = data_start as u64;
            return Err(CheckpointError::Truncated { file, found, expected });
        };
        // Reading the header also checks that ranges follow each other without gap or overlap, and
        // that each is as long as its dtype and shape ask for.
        let header: Metadata = match serde_json::from_slice(json) {
            Ok(header) => header,
            Err(error) => {
                return Err(CheckpointError::Corrupt { file, reason: error.to_string() });
            }
        };
        // In 128 bits, because the header's word for the length can be anything.
        let end = data_start as u128 + header.data_len() as u128;
        if end > u128::from(found) {
            let expected = u64::try_from(end).unwrap_or(u64::MAX);
            return Err(CheckpointError::Truncated { file, found, expected });
        }
        if end < u128::from(found) {
            let reason = format!("{} bytes that belong to no tensor", u128::from(found) - end);
            return Err(CheckpointError::Corrupt { file, reason });
        }
        Ok(Self { file, bytes, header, data_start })
    }

    /// The tensor of this name.
    pub(crate) fn entry(&self, name: &str) -> Option<Entry> {
        self.header.info(name).map(|info| {
            let (start, end) = info.data_offsets;
            Entry {
                dtype: info.dtype,
                shape: info.shape.clone(),
                range: self.data_start + start..self.data_start + end,
            }
        })
    }

    /// Bytes of the file.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }
}
