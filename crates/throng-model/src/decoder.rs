//! The forward pass, top to bottom.

use throng_ops::{Attention, Backend, Routes, SwiGlu};
use throng_spec::ModelSpec;

use crate::batch::Batch;
use crate::kv::KvBlocks;
use crate::kv_cache::KvCache;
use crate::rope::Frequencies;
use crate::runner::{RunError, Runner};
use crate::step::Step;
use crate::weights::{LayerWeights, Weights};

/// A decoder-only transformer on some backend.
pub(crate) struct Decoder<B: Backend> {
    spec: ModelSpec,
    frequencies: Frequencies,
    weights: Weights<B>,
    cache: KvCache<B>,
    step: Step,
    work: Workspace<B>,
    backend: B,
}

/// Activations of one step, kept from step to step. Shapes are per token.
struct Workspace<B: Backend> {
    /// The residual stream `[hidden]`.
    hidden: B::Buffer,
    /// The residual stream, normed `[hidden]`.
    normed: B::Buffer,
    /// Query, key and value vectors end to end.
    qkv: B::Buffer,
    /// What attention gives `[query width]`.
    attended: B::Buffer,
    /// The experts that each token goes to.
    routes: Routes,
    /// Inside the chosen experts `[active, width]`.
    inner: B::Buffer,
    /// `[vocab]` a wanted token.
    logits: B::Buffer,
}

impl<B: Backend> Decoder<B> {
    pub(crate) fn new(
        spec: ModelSpec,
        backend: B,
        weights: Weights<B>,
        cache: KvCache<B>,
        step_tokens: usize,
    ) -> Self {
        let mut decoder = Self {
            frequencies: Frequencies::new(&spec.rope, spec.heads.dim),
            spec,
            weights,
            cache,
            step: Step::default(),
            work: Workspace::default(),
            backend,
        };
        decoder.reserve(step_tokens, 1);
        decoder
    }

    /// Writes the step's keys and values to the cache and leaves the wanted logits in
    /// `work.logits`.
    fn forward(&mut self) {
        self.reserve(self.step.tokens.len(), self.step.wanted.len());
        let work = &mut self.work;
        self.backend.embed(&self.weights.embedding, &self.step.tokens, &mut work.hidden);
        for layer in 0..self.spec.layers.len() {
            self.attention(layer);
            self.experts(layer);
        }
        self.head();
    }

    /// `hidden += output(attend(rope(qkv(norm(hidden)))))`
    fn attention(&mut self, layer: usize) {
        let Self { spec, backend, step, work, .. } = self;
        let LayerWeights { attention_norm, qkv, sinks, output, .. } = &self.weights.layers[layer];
        let pool = &mut self.cache.layers[layer];
        let attention =
            Attention { heads: spec.heads, window: spec.layers[layer].attention.window };
        let placement = step.placement(attention.window);
        let tokens = step.tokens.len();

        backend.rms_norm(tokens, &work.hidden, attention_norm, spec.norm_epsilon, &mut work.normed);
        backend.linear(tokens, &work.normed, qkv, &mut work.qkv);
        backend.rope(&attention, &step.angles, &mut work.qkv);
        backend.append_kv(&attention, placement, &work.qkv, pool);
        backend.attend(&attention, placement, sinks, &work.qkv, pool, &mut work.attended);
        backend.linear_add(tokens, &work.attended, output, &mut work.hidden);
    }

    /// `hidden += Σ weight · down(swiglu(gate_up(norm(hidden))))` over each token's experts
    fn experts(&mut self, layer: usize) {
        let Self { spec, backend, step, work, .. } = self;
        let LayerWeights { mlp_norm, router, gate_up, down, .. } = &self.weights.layers[layer];
        let moe = &spec.layers[layer].moe;
        let swiglu = SwiGlu { alpha: moe.alpha, clamp: moe.clamp };
        let tokens = step.tokens.len();

        backend.rms_norm(tokens, &work.hidden, mlp_norm, spec.norm_epsilon, &mut work.normed);
        backend.route(tokens, &work.normed, router, moe.active, &mut work.routes);
        backend.experts_gate_up(&work.routes, &work.normed, gate_up, swiglu, &mut work.inner);
        backend.experts_down_add(&work.routes, &work.inner, down, &mut work.hidden);
    }

    /// `logits = head(norm(hidden))`, of the wanted tokens alone
    fn head(&mut self) {
        let Self { spec, backend, step, work, weights, .. } = self;
        let wanted = step.wanted.len();

        backend.gather(spec.hidden, &step.wanted, &work.hidden, &mut work.attended);
        let norm = &weights.final_norm;
        backend.rms_norm(wanted, &work.attended, norm, spec.norm_epsilon, &mut work.normed);
        backend.linear(wanted, &work.normed, &weights.head, &mut work.logits);
    }

    /// Makes the workspace large enough for a step.
    fn reserve(&mut self, tokens: usize, wanted: usize) {
        let Self { spec, backend, work, .. } = self;
        let heads = spec.heads;
        let inner = spec.layers.iter().map(|layer| layer.moe.active * layer.moe.width).max();
        let qkv = heads.query_width() + 2 * heads.kv_width();
        for (buffer, len) in [
            (&mut work.hidden, tokens * spec.hidden),
            (&mut work.normed, tokens * spec.hidden),
            (&mut work.qkv, tokens * qkv),
            (&mut work.attended, tokens * heads.query_width().max(spec.hidden)),
            (&mut work.inner, tokens * inner.unwrap_or(0)),
            (&mut work.logits, wanted * spec.vocab),
        ] {
            backend.reserve(buffer, len);
        }
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
        self.step.set(batch, &self.spec, self.cache.blocks, &self.frequencies);
        self.forward();
        let wanted = self.step.wanted.len();
        Ok(self.backend.read(&self.work.logits, wanted * self.spec.vocab))
    }
}

impl<B: Backend> Default for Workspace<B> {
    fn default() -> Self {
        Self {
            hidden: B::Buffer::default(),
            normed: B::Buffer::default(),
            qkv: B::Buffer::default(),
            attended: B::Buffer::default(),
            routes: Routes::default(),
            inner: B::Buffer::default(),
            logits: B::Buffer::default(),
        }
    }
}
