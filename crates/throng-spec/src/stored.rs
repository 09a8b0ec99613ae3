//! How a model's tensors are stored, and how many bytes that takes.

use crate::dtype::DType;
use crate::gpt_oss;
use crate::gpt2;
use crate::model::ModelSpec;
use crate::role::{LayerRole, Role};

/// A tensor as it is stored, or one of the pieces that it is stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is for.
    pub role: Role,
    /// How its values are stored.
    pub dtype: DType,
    /// How many there are.
    pub values: usize,
    /// Bytes of scales that the dtype does not count: those of FP8.
    pub scale_bytes: usize,
}

impl Stored {
    /// Bytes that the values and their scales occupy.
    pub const fn bytes(&self) -> usize {
        self.dtype.bytes(self.values) + self.scale_bytes
    }
}

impl ModelSpec {
    /// The dtype in which the makers of this architecture release the tensors of a role: f32 for
    /// GPT-2; for gpt-oss MXFP4 for the matrices of experts (model card, section 2.1) and bf16 for
    /// the rest; bf16 for all others.
    pub fn released_dtype(&self, role: Role) -> DType {
        use LayerRole::{Down, GateUp};
        match (self.architecture, role) {
            (gpt2::MODEL_TYPE, _) => DType::F32,
            (gpt_oss::MODEL_TYPE, Role::Layer(_, GateUp | Down)) => DType::Mxfp4,
            _ => DType::Bf16,
        }
    }

    /// All tensors as their makers release them. A head that is the embedding too counts once.
    pub fn released(&self) -> Vec<Stored> {
        let stored = |(role, shape): (Role, Vec<usize>)| Stored {
            role,
            dtype: self.released_dtype(role),
            values: shape.iter().product(),
            scale_bytes: 0,
        };
        self.tensors().into_iter().map(stored).collect()
    }
}

/// Bytes by dtype, most first.
pub fn bytes_by_dtype(tensors: &[Stored]) -> Vec<(DType, usize)> {
    let mut sums: Vec<(DType, usize)> = Vec::new();
    for tensor in tensors {
        match sums.iter_mut().find(|(dtype, _)| *dtype == tensor.dtype) {
            Some((_, bytes)) => *bytes += tensor.bytes(),
            None => sums.push((tensor.dtype, tensor.bytes())),
        }
    }
    sums.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
    sums
}
