//! The safetensors format. <https://github.com/huggingface/safetensors>

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, Metadata};
use throng_spec::DType;

use crate::archive::{Archive, Entry, Kind, is_lfs_pointer};
use crate::error::CheckpointError;
use crate::mmap::Bytes;

/// Bytes of a header at most. The largest released one, gpt-oss-120b's, has 60 kB.
const MAX_HEADER_BYTES: u64 = 64 << 20;
const LENGTH_BYTES: usize = size_of::<u64>();

/// Reads and checks the header of a file.
pub(crate) fn read(file: String, bytes: Bytes) -> Result<Archive, CheckpointError> {
    if is_lfs_pointer(&bytes) {
        return Err(CheckpointError::LfsPointer { file });
    }
    let corrupt = |file, reason| CheckpointError::Corrupt { file, format: "safetensors", reason };
    let found = bytes.len() as u64;
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        let expected = LENGTH_BYTES as u64;
        return Err(CheckpointError::Truncated { file, found, expected });
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        let reason = format!("a header of {length} bytes, expected at most {MAX_HEADER_BYTES}");
        return Err(corrupt(file, reason));
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
        Err(error) => return Err(corrupt(file, error.to_string())),
    };
    // In 128 bits, because the header's word for the length can be anything.
    let end = data_start as u128 + header.data_len() as u128;
    if end > u128::from(found) {
        let expected = u64::try_from(end).unwrap_or(u64::MAX);
        return Err(CheckpointError::Truncated { file, found, expected });
    }
    if end < u128::from(found) {
        let reason = format!("{} bytes that belong to no tensor", u128::from(found) - end);
        return Err(corrupt(file, reason));
    }
    let entries = entries(&header, data_start);
    Ok(Archive { file, bytes, entries })
}

fn entries(header: &Metadata, data_start: usize) -> BTreeMap<String, Entry> {
    let entry = |(name, info): (String, &safetensors::tensor::TensorInfo)| {
        let (start, end) = info.data_offsets;
        let range = data_start + start..data_start + end;
        (name, Entry { kind: kind(info.dtype), shape: info.shape.clone(), range })
    };
    header.tensors().into_iter().map(entry).collect()
}

fn kind(dtype: Dtype) -> Kind {
    match dtype {
        Dtype::F32 => Kind::Numbers(DType::F32),
        Dtype::F16 => Kind::Numbers(DType::F16),
        Dtype::BF16 => Kind::Numbers(DType::Bf16),
        Dtype::U8 => Kind::Bytes,
        Dtype::I8 => Kind::Integers,
        Dtype::F8_E4M3 => Kind::Floats,
        other => Kind::Other(format!("{other:?}").to_lowercase()),
    }
}
