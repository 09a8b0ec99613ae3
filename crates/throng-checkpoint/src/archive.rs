//! A file of named tensors, whatever its format: where each lies.

use std::collections::BTreeMap;
use std::ops::Range;

use throng_spec::DType;

use crate::mmap::Bytes;

const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// A weight file whose header has been checked: every range lies within the file, none overlap, and
/// each holds as many bytes as its element type and shape ask for.
#[derive(Debug)]
pub(crate) struct Archive {
    /// How messages name the file.
    pub(crate) file: String,
    pub(crate) bytes: Bytes,
    /// By name.
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// A tensor as the header describes it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// Outermost dimension first.
    pub(crate) shape: Vec<usize>,
    /// Within the file.
    pub(crate) range: Range<usize>,
}

/// What a header says of a tensor's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers.
    Numbers(DType),
    /// Bytes that mean something together with another tensor's.
    Bytes,
    /// 8-bit integers that mean something together with another tensor's scales.
    Integers,
    /// 8-bit floats, E4M3, that mean something together with another tensor's scales.
    Floats,
    /// What no tensor here is made of, by the format's own name.
    Other(String),
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Numbers(dtype) => dtype.fmt(f),
            Self::Bytes => f.write_str("u8"),
            Self::Integers => f.write_str("i8"),
            Self::Floats => f.write_str("f8_e4m3"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// Whether the file is a note of where git-lfs keeps the real one.
pub(crate) fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.starts_with(LFS_POINTER)
}
