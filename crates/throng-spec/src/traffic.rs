//! What a decoding step reads from memory, which is what bounds its speed.

use crate::counts::{Part, distinct_experts};
use crate::kv_dtype::KvDtype;
use crate::model::ModelSpec;
use crate::role::Role;
use crate::stored::Stored;

/// Bytes that one step of decoding reads: one token for each of some users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepBytes {
    /// Weights that every step reads once, whoever is in it.
    pub dense: usize,
    /// Experts that some token of the step goes to, as many as are expected.
    pub experts: usize,
    /// Rows of embeddings, one a user; none from a table that is the head too and so read whole.
    pub embeddings: usize,
    /// Keys and values of all users.
    pub kv: usize,
}

impl StepBytes {
    /// Of one token for each of `users`, all at `context` positions, with weights as `tensors` says
    /// they are stored and the KV cache in `kv_dtype`.
    pub fn of(
        spec: &ModelSpec,
        tensors: &[Stored],
        users: usize,
        context: usize,
        kv_dtype: KvDtype,
    ) -> Self {
        let mut bytes = Self::default();
        let mut experts = 0.0;
        for tensor in tensors {
            match tensor.role {
                Role::Layer(layer, role) if role.is_per_expert() => {
                    let mlp = &spec.layers[layer].mlp;
                    let used = distinct_experts(mlp.experts(), mlp.active(), users);
                    experts += tensor.bytes() as f64 * used / mlp.experts() as f64;
                }
                role if Part::of(role) == Part::Embedding
                    && spec.active(role, tensor.values) < tensor.values =>
                {
                    bytes.embeddings += users * tensor.dtype.bytes(spec.hidden);
                }
                _ => bytes.dense += tensor.bytes(),
            }
        }
        bytes.experts = experts.round() as usize;
        bytes.kv = users * spec.layer_kv_bytes(kv_dtype) * spec.positions_seen(context);
        bytes
    }

    /// All of them.
    pub const fn total(&self) -> usize {
        self.dense + self.experts + self.embeddings + self.kv
    }

    /// Tokens a second, all users together, where nothing but reading takes time.
    pub fn tokens_per_second(&self, users: usize, bytes_per_second: f64) -> f64 {
        users as f64 * bytes_per_second / self.total() as f64
    }
}
