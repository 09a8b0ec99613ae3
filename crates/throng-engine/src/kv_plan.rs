//! How many blocks the KV cache should have.

use throng_model::{BLOCK_TOKENS, BlockId, KvBlocks};
use throng_spec::{KvDtype, ModelSpec};

use crate::config::EngineConfig;

/// Part of the budget that windowed layers may take: a window is short, a context is not.
const WINDOW_SHARE: usize = 3;

/// Blocks that a block table can name.
const MAX_BLOCKS: usize = BlockId::MAX as usize;

impl EngineConfig {
    /// The largest useful KV cache within `bytes`, where keys and values are kept in `dtype`. However
    /// small the budget is, one sequence has blocks for its window, and a block beyond.
    pub fn kv_blocks(&self, spec: &ModelSpec, bytes: usize, dtype: KvDtype) -> KvBlocks {
        let config = self.normalised();
        let one = blocks_of_one(spec, config.max_batched_tokens);
        let block_bytes = |windowed| {
            let layers =
                spec.layers.iter().filter(|layer| layer.attention.window.is_some() == windowed);
            layers.count() * spec.layer_kv_bytes(dtype) * BLOCK_TOKENS
        };
        let useful = |of_one: usize| of_one.saturating_mul(config.max_sequences).min(MAX_BLOCKS);
        let window = match block_bytes(true) {
            0 => 0,
            each => (bytes / WINDOW_SHARE / each).clamp(one.window, useful(one.window)),
        };
        let rest = bytes.saturating_sub(window.saturating_mul(block_bytes(true)));
        let full = match block_bytes(false) {
            0 => 0,
            each => (rest / each).clamp(1, useful(one.full)),
        };
        KvBlocks { full, window }
    }
}

/// Blocks that one sequence of the model holds at most, with steps of `chunk` tokens: in the full
/// pool the whole context; in the window pool the block of its last token, those that the window
/// reaches back to from the beginning of that block, and those of the chunk.
pub(crate) fn blocks_of_one(spec: &ModelSpec, chunk: usize) -> KvBlocks {
    let has_full = spec.layers.iter().any(|layer| layer.attention.window.is_none());
    let context = spec.context.div_ceil(BLOCK_TOKENS);
    let held = |window: usize| {
        let before = window.saturating_sub(1).div_ceil(BLOCK_TOKENS);
        before.saturating_add(1 + chunk.div_ceil(BLOCK_TOKENS)).min(context)
    };
    KvBlocks {
        full: if has_full { context } else { 0 },
        window: widest_window(spec).map_or(0, held),
    }
}

/// Tokens that a query sees, itself included, in the layer with the widest window.
pub(crate) fn widest_window(spec: &ModelSpec) -> Option<usize> {
    spec.layers.iter().filter_map(|layer| layer.attention.window).max()
}

#[cfg(test)]
mod tests {
    use throng_spec::builtin;
    use throng_testkit::TinyGptOss;

    use super::*;

    #[test]
    fn the_plan_keeps_its_bounds() {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        let plan = |max_sequences, max_batched_tokens, bytes| {
            let config = EngineConfig { max_sequences, max_batched_tokens, ..Default::default() };
            (
                config.kv_blocks(&spec, bytes, KvDtype::Bf16),
                blocks_of_one(&spec, max_batched_tokens),
            )
        };
        let (least, one) = plan(8, 64, 0);
        assert_eq!(least, KvBlocks { full: 1, window: one.window });
        let (most, one) = plan(8, 64, usize::MAX);
        assert_eq!(most, KvBlocks { full: 8 * one.full, window: 8 * one.window });
        let (huge, _) = plan(usize::MAX, usize::MAX, usize::MAX);
        assert!(huge.full <= MAX_BLOCKS && huge.window <= MAX_BLOCKS);
        let budget = 1 << 18;
        let (some, _) = plan(8, 64, budget);
        let layer_bytes = spec.layer_kv_bytes(KvDtype::Bf16) * BLOCK_TOKENS;
        let layers = spec.layers.len() / 2;
        assert!((some.full + some.window) * layers * layer_bytes <= budget, "{some:?}");
        assert!((some.full + some.window + 2) * layers * layer_bytes > budget, "{some:?}");
    }
    #[test]
    fn fp8_is_twice_the_blocks_of_bf16_in_the_same_memory() {
        let spec = ModelSpec::from_config(&builtin::config("gpt-oss-20b").unwrap()).unwrap();
        let blocks = |dtype| EngineConfig::default().kv_blocks(&spec, 1 << 30, dtype);
        let (bf16, fp8, int8) =
            (blocks(KvDtype::Bf16), blocks(KvDtype::Fp8), blocks(KvDtype::Int8));
        assert!((2 * bf16.full..=2 * bf16.full + 1).contains(&fp8.full), "{bf16:?}, {fp8:?}");
        assert!((2 * bf16.window..=2 * bf16.window + 1).contains(&fp8.window));
        // A scale for each 64 values; of the window's share less is left over, or more.
        assert!((int8.full * 66).abs_diff(fp8.full * 64) <= 2 * 66, "{fp8:?}, {int8:?}");
    }
}
