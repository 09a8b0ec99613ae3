//! The one door from the engine to the maths.

use throng_spec::ModelSpec;

use crate::batch::Batch;
use crate::kv::KvBlocks;

/// Runs batches. The engine knows models through this trait alone, so a scripted runner can stand
/// in for one in tests.
pub trait Runner: Send {
    /// The model's shape.
    fn spec(&self) -> &ModelSpec;

    /// How many blocks the KV cache has.
    fn kv_blocks(&self) -> KvBlocks;

    /// Writes the keys and values of the batch's tokens into the KV cache and returns the wanted
    /// logits: `batch.wanted_logits()` vectors of `spec().vocab` f32 in the order of the rows,
    /// earlier positions first. The slice is valid until the next call.
    ///
    /// # Errors
    /// Only if the machine fails underneath (a lost rank, a device error): the batch's sequences
    /// must then be finished as failed.
    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError>;

    /// Bytes of weights and of the KV cache that all batches so far had to read; `None` where
    /// nobody counts them.
    fn bytes_read(&self) -> Option<u64> {
        None
    }
}

/// A batch that could not be run.
#[derive(Debug, thiserror::Error)]
#[error("the model could not run a step: {0}")]
pub struct RunError(pub String);
