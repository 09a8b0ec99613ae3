//! What follows attention in a layer: one MLP for all tokens, or a mixture of experts.

/// The feed-forward part of a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mlp {
    /// Width inside it; of a mixture, inside one expert.
    pub width: usize,
    /// What stands between the projections up and down.
    pub activation: Activation,
    /// `Some`: the layer has several such MLPs, and each token goes through some of them.
    pub mixture: Option<Mixture>,
}

/// How a mixture of experts chooses (Shazeer et al. 2017).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mixture {
    /// Experts in the layer.
    pub experts: usize,
    /// Experts that each token goes through: those with the highest router logits.
    pub active: usize,
    /// What the chosen experts count for.
    pub weighting: Weighting,
}

/// What the experts that a token goes through count for in its sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// A softmax over the chosen experts' logits: weights add up to 1. To renormalise a softmax
    /// over all experts after the choice is the same.
    Chosen,
    /// A softmax over all experts' logits, of which the chosen keep their share.
    All,
}

/// What stands between the projections up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// gpt-oss's `g · sigmoid(α · g) · (u + 1)`, with the gate g clamped from above and the linear
    /// part u on both sides (gpt-oss model card, section 2.2).
    ClampedSwiGlu {
        /// α.
        alpha: f32,
        /// Where both parts are clamped.
        clamp: f32,
    },
    /// `g · sigmoid(g) · u` (Shazeer 2020).
    SwiGlu,
    /// The approximation of GELU by tanh, without a gate:
    /// `x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))` (Hendrycks and Gimpel 2016).
    GeluTanh,
}

impl Activation {
    /// Inputs that one output is made of: 2 with a gate (gate, then linear part), else 1.
    pub const fn inputs(self) -> usize {
        match self {
            Self::ClampedSwiGlu { .. } | Self::SwiGlu => 2,
            Self::GeluTanh => 1,
        }
    }
}

impl Mlp {
    /// Experts in the layer. A dense MLP is one that every token goes through.
    pub fn experts(&self) -> usize {
        self.mixture.map_or(1, |mixture| mixture.experts)
    }

    /// Experts that each token goes through.
    pub fn active(&self) -> usize {
        self.mixture.map_or(1, |mixture| mixture.active)
    }

    /// Outputs of an expert's first projection: gate and linear part, or one value for each inside.
    pub const fn up_width(&self) -> usize {
        self.activation.inputs() * self.width
    }
}
