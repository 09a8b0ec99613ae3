//! What a tensor is for, whatever a file calls it.

/// The part that a tensor plays in a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Token embedding `[vocab, hidden]`.
    Embedding,
    /// Weight of the norm before the head `[hidden]`.
    FinalNorm,
    /// Hidden state to logits `[vocab, hidden]`.
    Head,
    /// A tensor of one layer, counted from 0.
    Layer(usize, LayerRole),
}

/// The part that a tensor plays in a layer. Matrices are `[outputs, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerRole {
    /// Norm before attention `[hidden]`.
    AttentionNorm,
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
    /// A logit a query head that joins the softmax's denominator only `[query heads]`.
    Sinks,
    /// Attention output projection `[hidden, query width]`.
    Output,
    /// `[hidden]`.
    OutputBias,
    /// Norm before the experts `[hidden]`.
    MlpNorm,
    /// Router `[experts, hidden]`.
    Router,
    /// `[experts]`.
    RouterBias,
    /// Gate and up projections, rows interleaved: even gate, odd up `[experts, 2 · width, hidden]`.
    GateUp,
    /// `[experts, 2 · width]`.
    GateUpBias,
    /// Down projection `[experts, hidden, width]`.
    Down,
    /// `[experts, hidden]`.
    DownBias,
}

impl LayerRole {
    /// All of them, in the order of the forward pass.
    pub const ALL: [Self; 17] = [
        Self::AttentionNorm,
        Self::Query,
        Self::QueryBias,
        Self::Key,
        Self::KeyBias,
        Self::Value,
        Self::ValueBias,
        Self::Sinks,
        Self::Output,
        Self::OutputBias,
        Self::MlpNorm,
        Self::Router,
        Self::RouterBias,
        Self::GateUp,
        Self::GateUpBias,
        Self::Down,
        Self::DownBias,
    ];

    /// Whether the outermost dimension counts experts.
    pub const fn is_per_expert(self) -> bool {
        matches!(self, Self::GateUp | Self::GateUpBias | Self::Down | Self::DownBias)
    }
}
