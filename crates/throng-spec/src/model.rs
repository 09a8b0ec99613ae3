//! A decoder-only transformer, as a table of numbers.

use crate::role::{LayerRole, Role};

/// Everything that the forward pass must know about a model besides its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// The architecture's name as `config.json` writes it (`model_type`), for people.
    pub architecture: &'static str,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Rows of the embedding and of the head.
    pub vocab: usize,
    /// Positions that the model was made for; a request's prompt and answer fit in it together.
    pub context: usize,
    /// The attention heads; the same in every layer.
    pub heads: Heads,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
    /// Rotary position embedding.
    pub rope: Rope,
    /// ε of every RMSNorm.
    pub norm_epsilon: f32,
}

/// Heads of grouped-query attention: `query / kv` query heads read one KV head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Query heads.
    pub query: usize,
    /// Key and value heads; divides `query`.
    pub kv: usize,
    /// Width of a head; even.
    pub dim: usize,
}

/// One decoder layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Self-attention.
    pub attention: Attention,
    /// The mixture of experts that follows it.
    pub moe: MoE,
}

/// What distinguishes one layer's attention from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// `Some(w)`: a query at position p sees keys at positions p-w+1 ..= p. `None`: all up to p.
    pub window: Option<usize>,
}

/// A mixture of experts with clamped SwiGLU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MoE {
    /// Experts in the layer.
    pub experts: usize,
    /// Experts that each token goes through; the router's softmax runs over these alone.
    pub active: usize,
    /// Width inside an expert.
    pub width: usize,
    /// SwiGLU's clamp: the gate from above, the linear part on both sides.
    pub clamp: f32,
    /// SwiGLU's α in `gate · sigmoid(α · gate) · (linear + 1)`.
    pub alpha: f32,
}

/// Rotary position embedding (Su et al. 2021), halves paired: dimension i with i + dim/2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f32,
    /// Context extension, if any.
    pub yarn: Option<Yarn>,
}

/// YaRN (Peng et al. 2023): interpolates low frequencies, keeps high ones, ramps between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// How much longer than `original_context` the context became.
    pub factor: f32,
    /// Context of the pre-training.
    pub original_context: usize,
    /// Rotations within the original context above which a frequency is kept.
    pub beta_fast: f32,
    /// Rotations below which it is divided by `factor`.
    pub beta_slow: f32,
    /// Whether the ramp's ends are rounded to whole dimensions.
    pub truncate: bool,
}

impl Heads {
    /// Width of all query heads together.
    pub const fn query_width(&self) -> usize {
        self.query * self.dim
    }

    /// Width of all key heads together; the values' is the same.
    pub const fn kv_width(&self) -> usize {
        self.kv * self.dim
    }
}

impl ModelSpec {
    /// Every tensor that a checkpoint of this model must have, with its shape in values
    /// (outermost dimension first).
    pub fn tensors(&self) -> Vec<(Role, Vec<usize>)> {
        let mut tensors = vec![
            (Role::Embedding, vec![self.vocab, self.hidden]),
            (Role::FinalNorm, vec![self.hidden]),
            (Role::Head, vec![self.vocab, self.hidden]),
        ];
        for layer in 0..self.layers.len() {
            tensors.extend(
                LayerRole::ALL
                    .iter()
                    .map(|&role| (Role::Layer(layer, role), self.shape(layer, role))),
            );
        }
        tensors
    }

    fn shape(&self, layer: usize, role: LayerRole) -> Vec<usize> {
        let (hidden, query, kv) = (self.hidden, self.heads.query_width(), self.heads.kv_width());
        let moe = &self.layers[layer].moe;
        match role {
            LayerRole::AttentionNorm | LayerRole::MlpNorm | LayerRole::OutputBias => vec![hidden],
            LayerRole::Query => vec![query, hidden],
            LayerRole::QueryBias => vec![query],
            LayerRole::Key | LayerRole::Value => vec![kv, hidden],
            LayerRole::KeyBias | LayerRole::ValueBias => vec![kv],
            LayerRole::Sinks => vec![self.heads.query],
            LayerRole::Output => vec![hidden, query],
            LayerRole::Router => vec![moe.experts, hidden],
            LayerRole::RouterBias => vec![moe.experts],
            LayerRole::GateUp => vec![moe.experts, 2 * moe.width, hidden],
            LayerRole::GateUpBias => vec![moe.experts, 2 * moe.width],
            LayerRole::Down => vec![moe.experts, hidden, moe.width],
            LayerRole::DownBias => vec![moe.experts, hidden],
        }
    }

    /// Number of parameters, all experts included.
    pub fn parameters(&self) -> usize {
        self.tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Parameters that one token is multiplied with: of the experts only the active ones, and one
    /// row of the embedding.
    pub fn active_parameters(&self) -> usize {
        self.tensors()
            .iter()
            .map(|(role, shape)| {
                let all = shape.iter().product::<usize>();
                match *role {
                    Role::Embedding => self.hidden,
                    Role::Layer(layer, role) if role.is_per_expert() => {
                        let moe = &self.layers[layer].moe;
                        all / moe.experts * moe.active
                    }
                    _ => all,
                }
            })
            .sum()
    }
}
