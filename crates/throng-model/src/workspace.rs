//! Activations of one step.

use throng_ops::{Backend, Routes};
use throng_spec::ModelSpec;

/// Activations of one step, kept from step to step. Shapes are per token.
pub(crate) struct Workspace<B: Backend> {
    /// The residual stream `[hidden]`.
    pub hidden: B::Buffer,
    /// The residual stream, normed `[hidden]`.
    pub normed: B::Buffer,
    /// Query, key and value vectors end to end.
    pub qkv: B::Buffer,
    /// What attention gives `[query width]`.
    pub attended: B::Buffer,
    /// Inside the chosen experts `[active, width]`.
    pub inner: B::Buffer,
    /// `[vocab]` a wanted token.
    pub logits: B::Buffer,
    /// The experts that each token goes to.
    pub routes: Routes,
}

/// Values of each buffer, in the order of [`Workspace`], for a step of so many tokens of which so
/// many want logits.
pub(crate) fn lens(spec: &ModelSpec, tokens: usize, wanted: usize) -> [usize; 6] {
    let heads = spec.heads;
    let inner = spec.layers.iter().map(|layer| layer.mlp.active() * layer.mlp.width).max();
    let each = [
        spec.hidden,
        spec.hidden,
        heads.query_width() + 2 * heads.kv_width(),
        heads.query_width().max(spec.hidden),
        inner.unwrap_or(0),
    ];
    let [hidden, normed, qkv, attended, inner] = each.map(|width| tokens.saturating_mul(width));
    [hidden, normed, qkv, attended, inner, wanted.saturating_mul(spec.vocab)]
}

impl<B: Backend> Workspace<B> {
    /// Makes it large enough for a step.
    pub(crate) fn reserve(
        &mut self,
        backend: &mut B,
        spec: &ModelSpec,
        tokens: usize,
        wanted: usize,
    ) {
        let Self { hidden, normed, qkv, attended, inner, logits, .. } = self;
        let buffers = [hidden, normed, qkv, attended, inner, logits];
        for (buffer, len) in buffers.into_iter().zip(lens(spec, tokens, wanted)) {
            backend.reserve(buffer, len);
        }
    }
}

impl<B: Backend> Default for Workspace<B> {
    fn default() -> Self {
        Self {
            hidden: B::Buffer::default(),
            normed: B::Buffer::default(),
            qkv: B::Buffer::default(),
            attended: B::Buffer::default(),
            inner: B::Buffer::default(),
            logits: B::Buffer::default(),
            routes: Routes::default(),
        }
    }
}
