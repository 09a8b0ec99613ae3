//! Checkpoints to disk: files of tensors that threads make row by row, and that get their names only
//! when all of them are complete.

mod error;
mod rows;
mod shards;
mod staging;

use std::ops::{ControlFlow, Range};

pub use self::error::WriteError;
pub(crate) use self::rows::write;
pub(crate) use self::shards::{index, shards};
pub(crate) use self::staging::Staging;

/// Bytes of the tensors of a shard at most, unless one tensor alone has more.
pub const MAX_SHARD_BYTES: u64 = 5_000_000_000;

/// How files are written.
#[derive(Clone, Copy)]
pub struct WriteOptions<'a> {
    /// Whether files that are there may be replaced.
    pub force: bool,
    /// Threads that make and write weights; at least 1.
    pub threads: usize,
    /// Bytes of the tensors of a safetensors file at most; releases have [`MAX_SHARD_BYTES`].
    pub max_shard_bytes: u64,
    /// Called by those threads with the bytes of tensors written since the last call; a `Break`
    /// ends the writing with [`WriteError::Interrupted`].
    pub progress: &'a (dyn Fn(u64) -> ControlFlow<()> + Sync),
}

/// A tensor that is made row by row, by several threads.
pub(crate) trait Rows: Sync {
    /// As files call it.
    fn name(&self) -> &str;

    /// Outermost dimension first.
    fn shape(&self) -> &[usize];

    /// Its element type, as safetensors files call it.
    fn dtype(&self) -> &'static str;

    /// Bytes that the beginning of such a tensor should be a multiple of.
    fn alignment(&self) -> usize;

    /// How many there are.
    fn rows(&self) -> usize;

    /// Bytes of one.
    fn row_bytes(&self) -> usize;

    /// Appends some of them.
    fn append(&self, rows: Range<usize>, out: &mut Vec<u8>);

    /// Bytes of the tensor.
    fn bytes(&self) -> u64 {
        self.rows() as u64 * self.row_bytes() as u64
    }
}
