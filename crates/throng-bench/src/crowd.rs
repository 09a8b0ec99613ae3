//! Users who exist for a measurement only: tokens made up for them, and where the KV cache keeps
//! what was computed of those.

use std::ops::Range;

use throng_model::{BLOCK_TOKENS, BlockId, BlockTables, KvBlocks, Row};
use throng_spec::ModelSpec;

/// Users with a prompt each, no two alike. A token depends on its user and its position alone, so
/// that repeated steps read the same weights.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// Blocks that each user owns: for all positions in the one pool, a ring in the other.
    each: KvBlocks,
    vocab: u64,
}

impl Crowd {
    /// Users of a model at up to `positions` positions each. A user who is at some position can go
    /// on there, or go back by up to `reach` positions and compute them again, in a chunk or one by
    /// one.
    pub fn new(spec: &ModelSpec, positions: usize, reach: usize) -> Self {
        let windows = || spec.layers.iter().map(|layer| layer.attention.window);
        let all = positions.div_ceil(BLOCK_TOKENS);
        // What is computed again and what its first token sees before it, wherever in a block that
        // begins: so many positions lie in one block more than they fill.
        let ring = |window: usize| {
            let held = window.saturating_sub(1).saturating_add(reach);
            (held.saturating_sub(1).div_ceil(BLOCK_TOKENS) + 1).min(all)
        };
        let each = KvBlocks {
            full: if windows().any(|window| window.is_none()) { all } else { 0 },
            window: windows().flatten().max().map_or(0, ring),
        };
        Self { each, vocab: spec.vocab as u64 }
    }

    /// Blocks that so many users own together.
    pub fn blocks(&self, users: usize) -> KvBlocks {
        let KvBlocks { full, window } = self.each;
        KvBlocks { full: full.saturating_mul(users), window: window.saturating_mul(users) }
    }

    /// The row that computes a user's tokens at `positions`, with logits for the last
    /// `wanted_logits` of them. All positions before must have been computed.
    pub fn row(&self, user: usize, positions: Range<usize>, wanted_logits: usize) -> Row {
        let blocks = positions.end.div_ceil(BLOCK_TOKENS);
        let ring = |size: usize| {
            let own = user * size..(user + 1) * size;
            own.map(|block| block as BlockId).cycle().take(blocks).collect()
        };
        let blocks = BlockTables { full: ring(self.each.full), window: ring(self.each.window) };
        let position = positions.start;
        let tokens = positions.map(|position| self.token(user, position)).collect();
        Row { tokens, position, blocks, wanted_logits }
    }

    /// The output function of SplitMix64 (Steele et al. 2014): neighbours have nothing in common.
    pub(crate) fn token(&self, user: usize, position: usize) -> u32 {
        let mut z = ((user as u64) << 32 | position as u64).wrapping_add(1);
        z = z.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % self.vocab) as u32
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use throng_engine::EngineConfig;
    use throng_model::{Batch, KvDtype, Runner};
    use throng_testkit::{ScriptedRunner, TinyGptOss, UNREADABLE};

    use super::*;
    use crate::offline::chunks;

    /// Logits that say whether every token of the history could be read back.
    fn runner(spec: &ModelSpec, blocks: KvBlocks) -> ScriptedRunner {
        let vocab = spec.vocab;
        let script = move |history: &[u32]| {
            let lost = history.iter().filter(|&&token| token == UNREADABLE).count();
            vec![lost as f32; vocab]
        };
        ScriptedRunner::with_script(spec.clone(), blocks, Box::new(script))
    }

    #[test]
    fn every_user_finds_all_that_a_window_reaches() {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        let (users, prompt, answer, chunk) = (3, 75, 20, 10);
        let crowd = Crowd::new(&spec, prompt + answer, chunk.max(answer));
        let mut runner = runner(&spec, crowd.blocks(users));
        let mut run = |rows: Vec<Row>| {
            let lost = runner.run(&Batch { rows }).unwrap().iter().copied().fold(0.0, f32::max);
            assert_eq!(lost, 0.0);
        };
        for start in (0..prompt).step_by(chunk) {
            let end = (start + chunk).min(prompt);
            run((0..users).map(|user| crowd.row(user, start..end, 1)).collect());
        }
        // Twice: the second time over what the first one left.
        for position in (prompt..prompt + answer).chain(prompt..prompt + answer) {
            run((0..users).map(|user| crowd.row(user, position..position + 1, 1)).collect());
        }
    }

    #[test]
    fn one_reader_fits_the_window_pool_of_one_sequence() {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        for chunk in [1, 15, 16, 17, 32, 33, 64, 100] {
            let config =
                EngineConfig { max_sequences: 1, max_batched_tokens: chunk, ..Default::default() };
            // Of no memory the engine makes what a sequence needs at least.
            let pool = config.kv_blocks(&spec, 0, KvDtype::Bf16).window;
            let crowd = Crowd::new(&spec, 300, chunk);
            assert!(crowd.blocks(1).window <= pool, "{chunk}: {:?} of {pool}", crowd.blocks(1));
            let mut runner = runner(&spec, crowd.blocks(1));
            for part in chunks(0..300, chunk) {
                let rows = vec![crowd.row(0, part, 1)];
                let logits = runner.run(&Batch { rows }).unwrap();
                assert!(logits.iter().all(|&lost| lost == 0.0), "chunks of {chunk}");
            }
        }
    }

    #[test]
    fn users_have_little_in_common() {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        let crowd = Crowd::new(&spec, 64, 16);
        let prompts: HashSet<_> = (0..64).map(|user| crowd.row(user, 0..8, 0).tokens).collect();
        assert_eq!(prompts.len(), 64);
        let firsts: HashSet<_> = prompts.iter().map(|prompt| prompt[0]).collect();
        assert!(firsts.len() > spec.vocab.min(64) / 3, "{firsts:?}");
    }
}
