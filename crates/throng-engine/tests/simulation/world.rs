//! The machine of a simulation: a tiny model, a KV cache and an engine's settings, as plain data.

use std::fmt;

use throng_engine::EngineConfig;
use throng_model::{BLOCK_TOKENS, KvBlocks};
use throng_spec::{KvDtype, ModelSpec};
use throng_testkit::{Random, TinyGptOss, hashed_logits};

use crate::drafts::{Draft, speculation};

/// What the layers of a model see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Each layer sees the whole context.
    Full,
    /// Each layer sees a window of so many tokens.
    Window(usize),
    /// Some layers see all, the others a window.
    Both(usize),
}

/// All that does not change while requests come and go.
#[derive(Clone, Debug)]
pub struct World {
    pub shape: Shape,
    pub vocab: usize,
    pub context: usize,
    /// Blocks beyond the least that the engine starts with, in either pool.
    pub spare: KvBlocks,
    pub config: EngineConfig,
    /// The model that drafts, if one does.
    pub draft: Draft,
    /// The weight of each tenant.
    pub weights: Vec<u32>,
    /// Whether tenants share cached prefixes.
    pub one_salt: bool,
    /// What a step takes.
    pub step_ms: u64,
    /// One history in so many gets logits that are no numbers; 0: none does.
    pub poison: u64,
}

impl World {
    /// A world in which much happens: small enough to be crowded, or large enough not to be.
    pub fn random(random: &mut Random) -> Self {
        let window = loop {
            let window = 2 + random.below(70);
            if !window.is_multiple_of(BLOCK_TOKENS) {
                break window;
            }
        };
        let shape = [Shape::Full, Shape::Window(window), Shape::Both(window), Shape::Both(window)]
            [random.below(4)];
        let context = 32 + random.below(160);
        let chunk = [1, 2 + random.below(15), 16, 17 + random.below(60), 512][random.below(5)];
        let max_sequences = [1, 2, 1 + random.below(16), 16][random.below(4)];
        // From one sequence to one for each seat and as much again for the cache.
        let blocks = context.div_ceil(BLOCK_TOKENS);
        let crowd = [0, 1, 2 + random.below(4), 2 * max_sequences, 200][random.below(5)];
        let spare = |random: &mut Random| crowd * blocks + random.below(blocks);
        Self {
            shape,
            vocab: [4, 9, 40][random.below(3)],
            context,
            spare: KvBlocks { full: blocks + spare(random), window: spare(random) },
            config: EngineConfig {
                queue: [1 + random.below(8), 256][random.below(2)],
                max_sequences,
                max_batched_tokens: chunk,
                prefix_cache: random.below(4) > 0,
                fair_share: random.below(3) > 0,
                threads: 1 + usize::from(random.below(10) == 0),
                speculation: speculation(random),
            },
            draft: Draft::random(random),
            weights: (0..1 + random.below(4)).map(|_| 1 + random.below(4) as u32).collect(),
            one_salt: random.below(3) == 0,
            step_ms: 1 + random.below(4) as u64,
            poison: if random.below(8) == 0 { 200 } else { 0 },
        }
    }

    /// A world with few places, in which all that counts is whose turn it is.
    pub fn contested(random: &mut Random) -> Self {
        let mut world = Self::random(random);
        world.weights = (0..2 + random.below(2)).map(|_| 1 + random.below(4) as u32).collect();
        world.config.fair_share = true;
        world.config.queue = 256;
        world.config.max_sequences = 1 + random.below(3);
        if random.below(2) == 0 {
            // Few blocks too: whoever has a place may soon lose it.
            world.context = 40 + random.below(24);
            world.spare.full = world.context.div_ceil(BLOCK_TOKENS) + random.below(2);
        }
        world
    }

    /// A world in which an answer can be longer than a client may leave unread.
    pub fn long(random: &mut Random) -> Self {
        let mut world = Self::random(random);
        world.context = 1100 + random.below(200);
        let blocks = world.context.div_ceil(BLOCK_TOKENS);
        world.spare = KvBlocks { full: blocks + random.below(blocks), window: 2 * blocks };
        world.config.max_sequences = 1 + random.below(3);
        (world.vocab, world.poison, world.step_ms) = (4, 0, 1);
        world
    }

    /// The same model with room for all and nothing to share.
    pub fn alone(&self) -> Self {
        let blocks = 64 * self.context.div_ceil(BLOCK_TOKENS);
        Self {
            spare: KvBlocks { full: blocks, window: blocks },
            config: EngineConfig {
                max_sequences: 16,
                max_batched_tokens: 512,
                prefix_cache: false,
                ..EngineConfig::default()
            },
            ..self.clone()
        }
    }

    /// The model's shape.
    pub fn spec(&self) -> ModelSpec {
        self.spec_of(self.shape)
    }

    /// A model of the same vocabulary and context, whose layers see so much.
    pub fn spec_of(&self, shape: Shape) -> ModelSpec {
        let tiny = TinyGptOss {
            vocab: self.vocab,
            context: self.context,
            original_context: 16,
            layers: 2,
            ..TinyGptOss::default()
        };
        let mut spec = ModelSpec::from_config(&tiny.config()).expect("a tiny model's config");
        for (index, layer) in spec.layers.iter_mut().enumerate() {
            layer.attention.window = match shape {
                Shape::Full => None,
                Shape::Window(window) => Some(window),
                Shape::Both(window) => (index % 2 == 0).then_some(window),
            };
        }
        spec
    }

    /// The pools' sizes.
    pub fn blocks(&self) -> KvBlocks {
        let one = EngineConfig { max_sequences: 1, max_batched_tokens: 1, ..self.config };
        let least = one.kv_blocks(&self.spec(), 0, KvDtype::Bf16);
        let sum = |has: bool, least: usize, spare: usize| if has { least + spare } else { 0 };
        KvBlocks {
            // One block is the least; a context of a single block is no world to be in.
            full: sum(self.has_full(), least.full, self.spare.full),
            window: sum(self.window().is_some(), least.window, self.spare.window),
        }
    }

    /// Positions that a prompt and its answer may have together.
    pub fn positions(&self) -> usize {
        let held = self.blocks().full * BLOCK_TOKENS;
        if self.has_full() { self.context.min(held) } else { self.context }
    }

    pub fn has_full(&self) -> bool {
        !matches!(self.shape, Shape::Window(_))
    }

    pub fn window(&self) -> Option<usize> {
        match self.shape {
            Shape::Full => None,
            Shape::Window(window) | Shape::Both(window) => Some(window),
        }
    }

    /// What the model computes after a history.
    pub fn script(&self) -> impl Fn(&[u32]) -> Vec<f32> + Send + 'static {
        let (vocab, poison) = (self.vocab, self.poison);
        move |history| {
            let mut logits = hashed_logits(vocab, history);
            if poison > 0 && u64::from(logits[0].to_bits() >> 4).is_multiple_of(poison) {
                logits[vocab - 1] = f32::NAN;
            }
            logits
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, vocab, context, config, weights, step_ms, poison, .. } = self;
        let blocks = self.blocks();
        writeln!(
            f,
            "model: {shape:?}, {vocab} tokens, {context} positions; poison {poison}; \
             pools of {} full + {} window blocks (spare: {} + {})",
            blocks.full, blocks.window, self.spare.full, self.spare.window
        )?;
        let on = |is: bool| if is { "on" } else { "off" };
        writeln!(
            f,
            "engine: {} sequences, {} tokens a step of {step_ms} ms, queue of {}; prefix cache {}, \
             fair share {}",
            config.max_sequences,
            config.max_batched_tokens,
            config.queue,
            on(config.prefix_cache),
            on(config.fair_share),
        )?;
        if let Some(speculation) = config.speculation {
            writeln!(f, "{speculation:?}, {:?}", self.draft)?;
        }
        let salts = if self.one_salt { "one salt" } else { "a salt each" };
        write!(f, "tenants: weights {weights:?}, {salts}")
    }
}
