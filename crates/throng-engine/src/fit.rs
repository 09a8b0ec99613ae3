//! Whether a model fits a machine's memory, and what would fit if it does not.

use throng_model::{BLOCK_TOKENS, KvBlocks, MemoryPlan, PlanOptions, Precision};
use throng_spec::{KvDtype, ModelSpec, Stored};

use crate::config::EngineConfig;
use crate::kv_plan::blocks_of_one;

/// The context that a user is taken to have when users are counted.
const USER_CONTEXT: usize = 4096;

/// A KV cache for fewer tokens than this is not worth proposing.
const LEAST_CONTEXT: usize = 256;

/// `--kv-cache-memory` is proposed in whole multiples of this.
const KV_STEP: usize = 1 << 20;

/// A model and how it is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Sizing<'a> {
    /// The model's shape.
    pub spec: &'a ModelSpec,
    /// Its tensors as they are stored.
    pub tensors: &'a [Stored],
    /// How products are computed.
    pub precision: Precision,
    /// How the KV cache keeps keys and values.
    pub kv_dtype: KvDtype,
    /// Users and tokens of a step.
    pub config: EngineConfig,
    /// Bytes of the KV cache at most.
    pub kv_bytes: usize,
    /// Tokens of a step that want logits at most; `None` for all of them.
    pub wanted_logits: Option<usize>,
}

/// Room in the KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvRoom {
    /// Its blocks.
    pub blocks: KvBlocks,
    /// Positions that one request may have if it is alone.
    pub context: usize,
    /// Requests of [`KvRoom::user_context`] positions that run at once.
    pub users: usize,
    /// 4,096, or the model's context if that is less.
    pub user_context: usize,
}

/// Whether a plan fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Fits,
    /// It would with a KV cache of this many bytes, which has this room.
    SmallerKv(usize, KvRoom),
    /// It does not even with a KV cache of some hundred tokens.
    TooLarge,
}

impl Sizing<'_> {
    /// What it takes in memory.
    pub fn plan(&self) -> MemoryPlan {
        let config = self.config.normalised();
        let step_tokens = config.max_batched_tokens;
        let options = PlanOptions {
            precision: self.precision,
            kv_dtype: self.kv_dtype,
            kv_blocks: self.room().blocks,
            step_tokens,
            wanted_logits: self.wanted_logits.map_or(step_tokens, |wanted| wanted.min(step_tokens)),
        };
        MemoryPlan::new(self.spec, self.tensors, options)
    }

    /// A KV cache that takes half of what weights and a step leave of so many bytes: the rest is for
    /// the files that the weights come from, and for everyone else.
    pub fn default_kv_bytes(&self, free_bytes: usize) -> usize {
        let plan = self.plan();
        let others = plan.weights_bytes.saturating_add(plan.workspace_bytes);
        free_bytes.saturating_sub(others) / 2
    }

    /// What fits in its KV cache.
    pub fn room(&self) -> KvRoom {
        let Self { spec, config, .. } = *self;
        let config = config.normalised();
        let blocks = config.kv_blocks(spec, self.kv_bytes, self.kv_dtype);
        let most = blocks_of_one(spec, config.max_batched_tokens);
        let held = if most.full == 0 { spec.context } else { blocks.full * BLOCK_TOKENS };
        let user_context = USER_CONTEXT.min(spec.context);
        let each = user_context.div_ceil(BLOCK_TOKENS);
        let users = |pool: usize, most: usize| pool.checked_div(each.min(most));
        let users = [users(blocks.full, most.full), users(blocks.window, most.window)];
        let users = users.into_iter().flatten().fold(config.max_sequences, usize::min);
        KvRoom { blocks, context: held.min(spec.context), users, user_context }
    }

    /// Whether it fits in so many bytes.
    pub fn verdict(&self, free_bytes: usize) -> Verdict {
        let plan = self.plan();
        if plan.total_bytes() <= free_bytes {
            return Verdict::Fits;
        }
        let others = plan.weights_bytes.saturating_add(plan.workspace_bytes);
        let kv_bytes = free_bytes.saturating_sub(others) / KV_STEP * KV_STEP;
        let smaller = Self { kv_bytes, ..*self };
        let room = smaller.room();
        // The least KV cache that there is may still be too large.
        let fits = smaller.plan().total_bytes() <= free_bytes;
        if fits && kv_bytes > 0 && room.context >= LEAST_CONTEXT.min(self.spec.context) {
            return Verdict::SmallerKv(kv_bytes, room);
        }
        Verdict::TooLarge
    }
}

#[cfg(test)]
mod tests {
    use throng_spec::builtin;

    use super::*;

    const GIB: usize = 1 << 30;

    fn with(name: &str, kv_bytes: usize, check: impl Fn(Sizing<'_>)) {
        let spec = ModelSpec::from_config(&builtin::config(name).unwrap()).unwrap();
        let tensors = spec.released();
        let (precision, config) = (Precision::Fast, EngineConfig::default());
        let wanted_logits = None;
        check(Sizing {
            spec: &spec,
            tensors: &tensors,
            precision,
            kv_dtype: precision.kv_dtype(),
            config,
            kv_bytes,
            wanted_logits,
        });
    }

    #[test]
    fn gpt_oss_20b_on_machines_of_all_sizes() {
        with("gpt-oss-20b", 4 * GIB, |sizing| {
            let plan = sizing.plan();
            assert_eq!(sizing.verdict(plan.total_bytes()), Verdict::Fits);
            // Padding and f32 biases come on top of what is stored.
            assert!((13_761_264_768..13_900_000_000).contains(&plan.weights_bytes), "{plan:?}");
            assert!((4 * GIB - (1 << 20)..=4 * GIB).contains(&plan.kv_bytes), "{plan:?}");
            assert_eq!(sizing.verdict(plan.weights_bytes), Verdict::TooLarge);
            assert_eq!(sizing.verdict(0), Verdict::TooLarge);

            let free = plan.total_bytes() - GIB;
            let Verdict::SmallerKv(kv_bytes, room) = sizing.verdict(free) else {
                panic!("3 GiB of keys and values would fit");
            };
            assert!((3 * GIB - KV_STEP..=3 * GIB).contains(&kv_bytes), "{kv_bytes}");
            let half = sizing.default_kv_bytes(free);
            assert!((3 * GIB / 2 - KV_STEP..=3 * GIB / 2).contains(&half), "{half}");
            assert_eq!(sizing.default_kv_bytes(0), 0);
            let smaller = Sizing { kv_bytes, ..sizing };
            assert_eq!((smaller.verdict(free), smaller.room()), (Verdict::Fits, room));
            let larger = Sizing { kv_bytes: kv_bytes + 2 * KV_STEP, ..sizing };
            assert_ne!(larger.verdict(free), Verdict::Fits);
            assert!(room.context > 40_000 && room.users > 8, "{room:?}");
        });
    }

    #[test]
    fn room_is_what_the_pools_hold() {
        with("llama-3.1-8b", 2 * GIB, |sizing| {
            // 131,072 bytes a token, no windows.
            let room = sizing.room();
            assert_eq!((room.context, room.users), (16_384, 4));
            assert_eq!(room.user_context, 4096);
            assert_eq!(room.blocks, KvBlocks { full: 16_384 / BLOCK_TOKENS, window: 0 });
            let config = EngineConfig { max_sequences: 2, ..sizing.config };
            assert_eq!(Sizing { config, ..sizing }.room().users, 2);
            let room = Sizing { kv_dtype: KvDtype::Fp8, ..sizing }.room();
            assert_eq!((room.context, room.users), (32_768, 8));
        });
    }

    #[test]
    fn no_user_has_more_context_than_the_model() {
        with("gpt2", GIB, |sizing| {
            let room = sizing.room();
            assert_eq!((room.context, room.user_context), (1024, 1024));
            // 36,864 bytes a token.
            assert_eq!(room.users, 28);
        });
    }

    #[test]
    fn logits_are_counted_as_many_as_are_wanted() {
        with("gpt-oss-20b", GIB, |sizing| {
            let one = Sizing { wanted_logits: Some(1), ..sizing };
            let more = sizing.plan().workspace_bytes - one.plan().workspace_bytes;
            assert_eq!(more, (512 - 1) * 201_088 * 4);
            let many = Sizing { wanted_logits: Some(usize::MAX), ..sizing };
            assert_eq!(many.plan(), sizing.plan());
        });
    }
}
