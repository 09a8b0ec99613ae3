//! The forward pass, top to bottom.

use throng_ops::{Attention, Backend};
use throng_spec::{ModelSpec, Positions};

use crate::batch::Batch;
use crate::kv::KvBlocks;
use crate::kv_cache::KvCache;
use crate::rope::Frequencies;
use crate::runner::{RunError, Runner};
use crate::step::Step;
use crate::weights::{LayerWeights, MlpWeights, Weights};
use crate::workspace::Workspace;

/// A decoder-only transformer on some backend.
pub(crate) struct Decoder<B: Backend> {
    spec: ModelSpec,
    /// For a model that rotates queries and keys.
    frequencies: Option<Frequencies>,
    pub(crate) weights: Weights<B>,
    pub(crate) cache: KvCache<B>,
    step: Step,
    pub(crate) work: Workspace<B>,
    pub(crate) backend: B,
}

impl<B: Backend> Decoder<B> {
    pub(crate) fn new(
        spec: ModelSpec,
        backend: B,
        weights: Weights<B>,
        cache: KvCache<B>,
        step_tokens: usize,
    ) -> Self {
        let frequencies = match &spec.positions {
            Positions::Rope(rope) => Some(Frequencies::new(rope, spec.heads.dim)),
            Positions::Learned => None,
        };
        let mut decoder = Self {
            frequencies,
            spec,
            weights,
            cache,
            step: Step::default(),
            work: Workspace::default(),
            backend,
        };
        decoder.work.reserve(&mut decoder.backend, &decoder.spec, step_tokens, 1);
        decoder
    }

    /// Writes the step's keys and values to the cache and leaves the wanted logits in
    /// `work.logits`.
    fn forward(&mut self) {
        let (tokens, wanted) = (self.step.tokens.len(), self.step.wanted.len());
        self.work.reserve(&mut self.backend, &self.spec, tokens, wanted);
        let work = &mut self.work;
        self.backend.embed(&self.weights.embedding, &self.step.tokens, &mut work.hidden);
        if let Some(table) = &self.weights.positions {
            self.backend.embed_add(table, self.step.positions(), &mut work.hidden);
        }
        for layer in 0..self.spec.layers.len() {
            self.attention(layer);
            self.mlp(layer);
        }
        self.head();
    }

    /// `hidden += output(attend(rope(qkv(norm(hidden)))))`
    fn attention(&mut self, layer: usize) {
        let Self { spec, backend, step, work, .. } = self;
        let LayerWeights { attention_norm, qkv, head_norms, sinks, output, .. } =
            &self.weights.layers[layer];
        let pool = &mut self.cache.layers[layer];
        let attention =
            Attention { heads: spec.heads, window: spec.layers[layer].attention.window };
        let placement = step.placement(attention.window);
        let (tokens, epsilon) = (step.tokens.len(), spec.norm_epsilon);

        attention_norm.apply(backend, tokens, &work.hidden, epsilon, &mut work.normed);
        backend.linear(tokens, &work.normed, qkv, &mut work.qkv);
        if let Some((query, key)) = head_norms {
            backend.norm_heads(tokens, &attention, (query, key), epsilon, &mut work.qkv);
        }
        if self.frequencies.is_some() {
            backend.rope(&attention, &step.angles, &mut work.qkv);
        }
        backend.append_kv(&attention, placement, &work.qkv, pool);
        backend.attend(&attention, placement, sinks, &work.qkv, pool, &mut work.attended);
        backend.linear_add(tokens, &work.attended, output, &mut work.hidden);
    }

    /// `hidden += Σ weight · down(activation(up(norm(hidden))))` over each token's experts; a dense
    /// MLP is the one expert of all tokens.
    fn mlp(&mut self, layer: usize) {
        let Self { spec, backend, step, work, .. } = self;
        let LayerWeights { mlp_norm, mlp: MlpWeights { router, up, down }, .. } =
            &self.weights.layers[layer];
        let mlp = &spec.layers[layer].mlp;
        let tokens = step.tokens.len();

        mlp_norm.apply(backend, tokens, &work.hidden, spec.norm_epsilon, &mut work.normed);
        match router {
            Some((router, mixture)) => {
                backend.route(tokens, &work.normed, router, *mixture, &mut work.routes);
            }
            None => work.routes.to_one(tokens),
        }
        backend.experts_up(&work.routes, &work.normed, up, mlp.activation, &mut work.inner);
        backend.experts_down_add(&work.routes, &work.inner, down, &mut work.hidden);
    }

    /// `logits = head(norm(hidden))`, of the wanted tokens alone
    fn head(&mut self) {
        let Self { spec, backend, step, work, weights, .. } = self;
        let wanted = step.wanted.len();
        let head = weights.head.as_ref().unwrap_or(&weights.embedding);

        backend.gather(spec.hidden, &step.wanted, &work.hidden, &mut work.attended);
        let norm = &weights.final_norm;
        norm.apply(backend, wanted, &work.attended, spec.norm_epsilon, &mut work.normed);
        backend.logits(wanted, &work.normed, head, &mut work.logits);
    }
}

impl<B: Backend> Runner for Decoder<B> {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.cache.blocks
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        self.step.set(batch, &self.spec, self.cache.blocks, self.frequencies.as_ref());
        self.forward();
        let wanted = self.step.wanted.len();
        Ok(self.backend.read(&self.work.logits, wanted * self.spec.vocab))
    }

    fn bytes_read(&self) -> Option<u64> {
        self.backend.bytes_read()
    }
}
