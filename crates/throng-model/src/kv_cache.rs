//! Storage of keys and values: a pool of blocks for each layer.

use throng_ops::{Backend, OutOfMemory, Precision};
use throng_spec::{KvDtype, ModelSpec};

use crate::kv::KvBlocks;

/// A pool for each layer. Layers of one kind (with a window or without) share their block ids, so
/// one table serves them all.
pub(crate) struct KvCache<B: Backend> {
    /// Blocks in each pool of either kind.
    pub blocks: KvBlocks,
    /// First layer to last.
    pub layers: Vec<B::KvPool>,
}

impl<B: Backend> KvCache<B> {
    pub(crate) fn new(
        backend: &mut B,
        spec: &ModelSpec,
        blocks: KvBlocks,
        dtype: KvDtype,
        precision: Precision,
    ) -> Result<Self, OutOfMemory> {
        let layers = spec.layers.iter().map(|layer| {
            let windowed = layer.attention.window.is_some();
            let blocks = if windowed { blocks.window } else { blocks.full };
            backend.kv_pool(spec.heads, blocks, dtype, precision)
        });
        Ok(Self { blocks, layers: layers.collect::<Result<_, _>>()? })
    }
}
