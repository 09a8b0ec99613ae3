//! What the oracle reads and computes: f32 throughout.

use super::{KvPool, Matrix, Naive};
use crate::arithmetic::Arithmetic;
use crate::counts::{Counted, Kept, Packed};

impl Counted for Naive {
    fn packed(matrix: &Matrix) -> Packed {
        let Matrix { rows, cols, ref weights, ref bias } = *matrix;
        let bytes = size_of_val(&weights[..]) + size_of_val(&bias[..]);
        Packed { rows, cols, bytes, arithmetic: Arithmetic::F32, lanes: 1 }
    }

    fn kept(&self, pool: &KvPool) -> Kept {
        Kept { head_bytes: size_of::<f32>() * pool.head_dim, arithmetic: Arithmetic::F32 }
    }
}
