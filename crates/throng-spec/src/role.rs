//! What a tensor is for, whatever a file calls it.

/// The part that a tensor plays in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Token embedding `[vocab, hidden]`.
    Embedding,
    /// Learned position embedding `[context, hidden]`.
    Positions,
    /// Weight of the norm before the head `[hidden]`.
    FinalNorm,
    /// Its bias `[hidden]`.
    FinalNormBias,
    /// Hidden state to logits `[vocab, hidden]`.
    Head,
    /// A tensor of one layer, counted from 0.
    Layer(usize, LayerRole),
}

impl Role {
    /// Whether the outermost dimension counts experts.
    pub const fn is_per_expert(self) -> bool {
        matches!(self, Self::Layer(_, role) if role.is_per_expert())
    }
}

/// The part that a tensor plays in a layer. Matrices are `[outputs, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerRole {
    /// Norm before attention `[hidden]`.
    AttentionNorm,
    /// `[hidden]`.
    AttentionNormBias,
    /// Query projection `[query width, hidden]`.
    Query,
    /// `[query width]`.
    QueryBias,
    /// Key projection `[kv width, hidden]`.
    Key,
    /// `[kv width]`.
    KeyBias,
    /// Value projection `[kv width, hidden]`.
    Value,
    /// `[kv width]`.
    ValueBias,
    /// Norm of every query head `[head width]`.
    QueryNorm,
    /// Norm of every key head `[head width]`.
    KeyNorm,
    /// A logit a query head that joins the softmax's denominator only `[query heads]`.
    Sinks,
    /// Attention output projection `[hidden, query width]`.
    Output,
    /// `[hidden]`.
    OutputBias,
    /// Norm before the MLP or the experts `[hidden]`.
    MlpNorm,
    /// `[hidden]`.
    MlpNormBias,
    /// Router `[experts, hidden]`.
    Router,
    /// `[experts]`.
    RouterBias,
    /// Gate and up projections of the experts, rows interleaved: even gate, odd up
    /// `[experts, 2 · width, hidden]`.
    GateUp,
    /// `[experts, 2 · width]`.
    GateUpBias,
    /// Down projection of the experts `[experts, hidden, width]`.
    Down,
    /// `[experts, hidden]`.
    DownBias,
    /// Up projection of a dense MLP `[width, hidden]`; where the activation has a gate, gate and up,
    /// rows interleaved as in `GateUp` `[2 · width, hidden]`.
    DenseUp,
    /// `[width]` or `[2 · width]`.
    DenseUpBias,
    /// Down projection of a dense MLP `[hidden, width]`.
    DenseDown,
    /// `[hidden]`.
    DenseDownBias,
}

impl LayerRole {
    /// All of them, in the order of the forward pass.
    pub const ALL: [Self; 25] = [
        Self::AttentionNorm,
        Self::AttentionNormBias,
        Self::Query,
        Self::QueryBias,
        Self::Key,
        Self::KeyBias,
        Self::Value,
        Self::ValueBias,
        Self::QueryNorm,
        Self::KeyNorm,
        Self::Sinks,
        Self::Output,
        Self::OutputBias,
        Self::MlpNorm,
        Self::MlpNormBias,
        Self::Router,
        Self::RouterBias,
        Self::GateUp,
        Self::GateUpBias,
        Self::Down,
        Self::DownBias,
        Self::DenseUp,
        Self::DenseUpBias,
        Self::DenseDown,
        Self::DenseDownBias,
    ];

    /// Whether the outermost dimension counts experts.
    pub const fn is_per_expert(self) -> bool {
        matches!(self, Self::GateUp | Self::GateUpBias | Self::Down | Self::DownBias)
    }

    /// Whether it is a matrix that multiplies, or one for each expert.
    pub const fn is_matrix(self) -> bool {
        matches!(
            self,
            Self::Query
                | Self::Key
                | Self::Value
                | Self::Output
                | Self::Router
                | Self::GateUp
                | Self::Down
                | Self::DenseUp
                | Self::DenseDown
        )
    }

    /// Whether it is what a matrix product adds: one value for each of the outputs.
    pub const fn is_matrix_bias(self) -> bool {
        matches!(
            self,
            Self::QueryBias
                | Self::KeyBias
                | Self::ValueBias
                | Self::OutputBias
                | Self::RouterBias
                | Self::GateUpBias
                | Self::DownBias
                | Self::DenseUpBias
                | Self::DenseDownBias
        )
    }
}
