//! Random models for the tests: how they are made, and what lies in a folder then.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::Value;
use throng_checkpoint::synth::RandomModel;
use throng_checkpoint::{Checkpoint, MAX_SHARD_BYTES, Tensor, WriteOptions};

/// One thread, no force, no interruption.
pub const OPTIONS: WriteOptions<'_> = WriteOptions {
    force: false,
    threads: 1,
    max_shard_bytes: MAX_SHARD_BYTES,
    progress: &|_| ControlFlow::Continue(()),
};

/// A random model of a shape.
pub fn model(config: &Value, layers: Option<usize>, seed: u64) -> RandomModel {
    RandomModel::new(config, layers, seed).unwrap()
}

/// Names and contents of a folder's files.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// Bytes of the tensors of all roles.
pub fn bytes(checkpoint: &Checkpoint) -> u64 {
    // Shares of a tensor stored by columns lie in each other's ranges: count what they use.
    let used = |tensor: Tensor<'_>| {
        let values: usize = tensor.shape.iter().product();
        tensor.dtype.bytes(values) as u64
    };
    let roles = checkpoint.spec().tensors().into_iter();
    roles.flat_map(|(role, _)| checkpoint.pieces(role)).map(used).sum()
}
