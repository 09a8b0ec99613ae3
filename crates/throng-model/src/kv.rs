//! Where keys and values live: block tables, and the shape of the cache that they index.

/// Tokens in one block of the KV cache.
pub const BLOCK_TOKENS: usize = throng_ops::BLOCK_TOKENS;

/// A block's index within its pool.
pub type BlockId = u32;

/// The blocks of one sequence: position p is in block `table[p / BLOCK_TOKENS]`, at offset
/// `p % BLOCK_TOKENS`. Layers with a sliding window have a pool of their own, so that blocks behind
/// the window can be given back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockTables {
    /// For layers that see the whole context.
    pub full: Vec<BlockId>,
    /// For layers with a window. Entries that lie wholly behind the window of the row's first
    /// token may name any block: they are not read.
    pub window: Vec<BlockId>,
}

/// Sizes of the two pools, in blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvBlocks {
    /// Blocks for layers that see the whole context.
    pub full: usize,
    /// Blocks for layers with a window.
    pub window: usize,
}
