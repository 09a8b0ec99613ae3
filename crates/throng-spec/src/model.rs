//! A decoder-only transformer, as a table of numbers.

use crate::mlp::Mlp;
use crate::role::{LayerRole, Role};
use crate::rope::Rope;

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
    /// How the model knows where a token stands.
    pub positions: Positions,
    /// The kind of every norm of the residual stream.
    pub norm: Norm,
    /// ε of every norm.
    pub norm_epsilon: f32,
    /// Which projections have biases.
    pub biases: Biases,
    /// Whether each query head has a logit that joins its softmax's denominator only.
    pub sinks: bool,
    /// Whether each query and key head goes through an RMSNorm before it is rotated.
    pub qk_norm: bool,
    /// Whether the embedding is the head too.
    pub tied_head: bool,
}

/// How a model knows where a token stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// Queries and keys are rotated.
    Rope(Rope),
    /// A vector of each position's own is added to the token's embedding.
    Learned,
}

/// A kind of norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// RMSNorm (Zhang and Sennrich 2019): a weight, no bias, the mean stays.
    Rms,
    /// LayerNorm (Ba et al. 2016): the mean is taken off, a weight and a bias.
    Layer,
}

/// Which projections have biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biases {
    /// Queries, keys and values.
    pub qkv: bool,
    /// The output of attention.
    pub output: bool,
    /// Routers of mixtures.
    pub router: bool,
    /// MLPs and experts.
    pub mlp: bool,
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
    /// The MLP or the mixture of experts that follows it.
    pub mlp: Mlp,
}

/// What distinguishes one layer's attention from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// `Some(w)`: a query at position p sees keys at positions p-w+1 ..= p. `None`: all up to p.
    pub window: Option<usize>,
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
        let (vocab, hidden) = (self.vocab, self.hidden);
        let mut tensors = vec![(Role::Embedding, vec![vocab, hidden])];
        let mut put = |there: bool, role, shape| {
            if there {
                tensors.push((role, shape));
            }
        };
        put(self.positions == Positions::Learned, Role::Positions, vec![self.context, hidden]);
        put(true, Role::FinalNorm, vec![hidden]);
        put(self.norm == Norm::Layer, Role::FinalNormBias, vec![hidden]);
        put(!self.tied_head, Role::Head, vec![vocab, hidden]);
        for layer in 0..self.layers.len() {
            for role in LayerRole::ALL {
                put(self.has(layer, role), Role::Layer(layer, role), self.layer_shape(layer, role));
            }
        }
        tensors
    }

    /// Whether a layer has a tensor of this role.
    fn has(&self, layer: usize, role: LayerRole) -> bool {
        use LayerRole::*;
        let (biases, mixture) = (self.biases, self.layers[layer].mlp.mixture.is_some());
        match role {
            AttentionNorm | Query | Key | Value | Output | MlpNorm => true,
            AttentionNormBias | MlpNormBias => self.norm == Norm::Layer,
            QueryBias | KeyBias | ValueBias => biases.qkv,
            QueryNorm | KeyNorm => self.qk_norm,
            Sinks => self.sinks,
            OutputBias => biases.output,
            Router | GateUp | Down => mixture,
            RouterBias => mixture && biases.router,
            GateUpBias | DownBias => mixture && biases.mlp,
            DenseUp | DenseDown => !mixture,
            DenseUpBias | DenseDownBias => !mixture && biases.mlp,
        }
    }

    /// The shape in values that a layer's tensor of this role has, if it has one.
    pub fn layer_shape(&self, layer: usize, role: LayerRole) -> Vec<usize> {
        use LayerRole::*;
        let (hidden, query, kv) = (self.hidden, self.heads.query_width(), self.heads.kv_width());
        let mlp = &self.layers[layer].mlp;
        match role {
            AttentionNorm | AttentionNormBias | MlpNorm | MlpNormBias => vec![hidden],
            OutputBias | DenseDownBias => vec![hidden],
            Query => vec![query, hidden],
            QueryBias => vec![query],
            Key | Value => vec![kv, hidden],
            KeyBias | ValueBias => vec![kv],
            QueryNorm | KeyNorm => vec![self.heads.dim],
            Sinks => vec![self.heads.query],
            Output => vec![hidden, query],
            Router => vec![mlp.experts(), hidden],
            RouterBias => vec![mlp.experts()],
            GateUp => vec![mlp.experts(), mlp.up_width(), hidden],
            GateUpBias => vec![mlp.experts(), mlp.up_width()],
            Down => vec![mlp.experts(), hidden, mlp.width],
            DownBias => vec![mlp.experts(), hidden],
            DenseUp => vec![mlp.up_width(), hidden],
            DenseUpBias => vec![mlp.up_width()],
            DenseDown => vec![hidden, mlp.width],
        }
    }
}
