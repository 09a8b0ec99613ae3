//! Counts that follow from a model's shape alone: parameters by part, multiply-accumulates, bytes of
//! keys and values, distinct experts.

use crate::kv_dtype::KvDtype;
use crate::model::ModelSpec;
use crate::role::{LayerRole, Role};

/// A part of a model, as tables split its parameters. Each norm belongs to what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Tables of token and position embeddings.
    Embedding,
    /// Attention of all layers.
    Attention,
    /// MLPs of all layers, or routers and experts.
    Mlp,
    /// Hidden state to logits; where the embedding does that, the norm before it alone.
    Head,
}

impl Part {
    /// All of them, in the order of the forward pass.
    pub const ALL: [Self; 4] = [Self::Embedding, Self::Attention, Self::Mlp, Self::Head];

    /// The part that a tensor belongs to.
    pub const fn of(role: Role) -> Self {
        use LayerRole::*;
        match role {
            Role::Embedding | Role::Positions => Self::Embedding,
            Role::FinalNorm | Role::FinalNormBias | Role::Head => Self::Head,
            Role::Layer(_, role) => match role {
                AttentionNorm | AttentionNormBias | Query | QueryBias | Key | KeyBias | Value
                | ValueBias | QueryNorm | KeyNorm | Sinks | Output | OutputBias => Self::Attention,
                MlpNorm | MlpNormBias | Router | RouterBias | GateUp | GateUpBias | Down
                | DownBias | DenseUp | DenseUpBias | DenseDown | DenseDownBias => Self::Mlp,
            },
        }
    }
}

/// Numbers of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// All experts included.
    pub total: usize,
    /// Those that one token is multiplied with: of experts the chosen ones, of a table of embeddings
    /// one row, unless it is the head too.
    pub active: usize,
}

/// Bytes of the KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvBytes {
    /// Each token of a sequence adds, in layers that see the whole context.
    pub token: usize,
    /// Each sequence adds once it is longer than the windows, in layers that have one.
    pub sequence: usize,
    /// Each token would add if no layer had a window.
    pub token_without_windows: usize,
}

impl ModelSpec {
    /// Number of parameters, all experts included.
    pub fn parameters(&self) -> usize {
        Part::ALL.iter().map(|&part| self.parameters_of(part).total).sum()
    }

    /// Parameters that one token is multiplied with; see [`Parameters::active`]. For gpt-oss that is
    /// OpenAI's count (model card, table 1), which takes in the head but not the embedding.
    pub fn active_parameters(&self) -> usize {
        Part::ALL.iter().map(|&part| self.parameters_of(part).active).sum()
    }

    /// Parameters of one part.
    pub fn parameters_of(&self, part: Part) -> Parameters {
        let mut sum = Parameters::default();
        for (role, shape) in self.tensors() {
            if Part::of(role) == part {
                let values = shape.iter().product();
                sum.total += values;
                sum.active += self.active(role, values);
            }
        }
        sum
    }

    /// How many of a tensor's `values` one token meets.
    pub(crate) fn active(&self, role: Role, values: usize) -> usize {
        match role {
            Role::Embedding if !self.tied_head => self.hidden,
            Role::Positions => self.hidden,
            Role::Layer(layer, role) if role.is_per_expert() => {
                let mlp = &self.layers[layer].mlp;
                values / mlp.experts() * mlp.active()
            }
            _ => values,
        }
    }

    /// Multiply-accumulates of one token with weight matrices, the head included. Biases, norms and
    /// activations are not counted.
    pub fn linear_macs(&self) -> usize {
        let is_product = |role| match role {
            Role::Embedding => self.tied_head,
            Role::Head => true,
            Role::Layer(_, role) => role.is_matrix(),
            Role::Positions | Role::FinalNorm | Role::FinalNormBias => false,
        };
        let products = self.tensors().into_iter().filter(|&(role, _)| is_product(role));
        products.map(|(role, shape)| self.active(role, shape.iter().product())).sum()
    }

    /// Multiply-accumulates of one token's queries with keys, and of its scores with values, where
    /// it sees `context` positions or a layer's window, whichever is less.
    pub fn attention_macs(&self, context: usize) -> usize {
        2 * self.heads.query_width() * self.positions_seen(context)
    }

    /// Positions that one token sees, summed over the layers.
    pub fn positions_seen(&self, context: usize) -> usize {
        let seen = |window: Option<usize>| window.map_or(context, |window| window.min(context));
        self.layers.iter().map(|layer| seen(layer.attention.window)).sum()
    }

    /// Bytes of one token's keys and values in one layer.
    pub fn layer_kv_bytes(&self, dtype: KvDtype) -> usize {
        2 * self.heads.kv * dtype.head_bytes(self.heads.dim)
    }

    /// Bytes of the KV cache.
    pub fn kv_bytes(&self, dtype: KvDtype) -> KvBytes {
        let layer = self.layer_kv_bytes(dtype);
        let windows: Vec<usize> =
            self.layers.iter().filter_map(|layer| layer.attention.window).collect();
        KvBytes {
            token: layer * (self.layers.len() - windows.len()),
            sequence: layer * windows.iter().sum::<usize>(),
            token_without_windows: layer * self.layers.len(),
        }
    }
}

/// How many of `experts` a step is expected to use whose `tokens` choose `active` each, all equally
/// likely and independently: `experts · (1 - (1 - active / experts)^tokens)`.
pub fn distinct_experts(experts: usize, active: usize, tokens: usize) -> f64 {
    let experts = experts as f64;
    experts * (1.0 - (1.0 - active as f64 / experts).powf(tokens as f64))
}
