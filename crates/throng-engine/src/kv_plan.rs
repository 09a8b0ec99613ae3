//! How many blocks the KV cache should have.

use throng_model::{BLOCK_TOKENS, KvBlocks};
use throng_spec::ModelSpec;

use crate::engine::EngineConfig;

/// Part of the budget that windowed layers may take: a window is short, a context is not.
const WINDOW_SHARE: usize = 3;

impl EngineConfig {
    /// The largest useful KV cache within `bytes`, where a key or value takes `value_bytes`.
    /// However small the budget is, one sequence has blocks for its window, and a block beyond.
    pub fn kv_blocks(&self, spec: &ModelSpec, bytes: usize, value_bytes: usize) -> KvBlocks {
        let config = self.normalised();
        let one = blocks_of_one(spec, config.max_batched_tokens);
        let block_bytes = |windowed| {
            let layers =
                spec.layers.iter().filter(|layer| layer.attention.window.is_some() == windowed);
            layers.count() * 2 * spec.heads.kv_width() * value_bytes * BLOCK_TOKENS
        };
        let window = match block_bytes(true) {
            0 => 0,
            each => {
                (bytes / WINDOW_SHARE / each).clamp(one.window, one.window * config.max_sequences)
            }
        };
        let rest = bytes.saturating_sub(window * block_bytes(true));
        let full = match block_bytes(false) {
            0 => 0,
            each => (rest / each).clamp(1, one.full * config.max_sequences),
        };
        KvBlocks { full, window }
    }
}

/// Blocks that one sequence of the model holds at most, with steps of `chunk` tokens: in the full
/// pool the whole context, in the window pool a window and the chunk that follows it, wherever in a
/// block it begins.
pub(crate) fn blocks_of_one(spec: &ModelSpec, chunk: usize) -> KvBlocks {
    let windows = || spec.layers.iter().map(|layer| layer.attention.window);
    let has_full = windows().any(|window| window.is_none());
    let ring = |window: usize| (window + chunk - 2) / BLOCK_TOKENS + 2;
    KvBlocks {
        full: if has_full { spec.context.div_ceil(BLOCK_TOKENS) } else { 0 },
        window: windows().flatten().max().map_or(0, ring),
    }
}
