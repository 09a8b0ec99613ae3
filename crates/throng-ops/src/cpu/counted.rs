//! What the CPU's matrices and caches take to read, and what it computes with them in.

use super::packed::Input;
use super::{Cpu, KvPool, Matrix};
use crate::arithmetic::Arithmetic;
use crate::counts::{Counted, Kept, Packed};

impl Counted for Cpu {
    fn packed(matrix: &Matrix) -> Packed {
        let arithmetic = match matrix.input {
            Input::F32 => Arithmetic::F32,
            Input::Bf16(_) => Arithmetic::Bf16,
            Input::I8 => Arithmetic::Int8,
        };
        let Matrix { rows, cols, .. } = *matrix;
        Packed { rows, cols, bytes: matrix.bytes(), arithmetic }
    }

    fn kept(pool: &KvPool) -> Kept {
        pool.kept()
    }
}
