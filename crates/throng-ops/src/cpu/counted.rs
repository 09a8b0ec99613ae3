//! What the CPU's matrices and caches take to read, and what it computes with them in.

use super::inputs::Input;
use super::{Cpu, KvPool, Matrix};
use crate::arithmetic::Arithmetic;
use crate::counts::{Counted, Kept, Packed};

impl Counted for Cpu {
    fn packed(matrix: &Matrix) -> Packed {
        let arithmetic = match matrix.input {
            Input::F32 => Arithmetic::F32,
            Input::Bf16 => Arithmetic::Bf16,
            Input::I8 | Input::I8Twice => Arithmetic::Int8,
        };
        let Matrix { rows, cols, .. } = *matrix;
        Packed { rows, cols, bytes: matrix.bytes(), arithmetic, lanes: matrix.input.lanes() }
    }

    fn kept(&self, pool: &KvPool) -> Kept {
        pool.kept(self.isa())
    }
}

#[cfg(test)]
mod tests {
    use throng_spec::{DType, Heads, KvDtype, Layout};

    use super::*;
    use crate::backend::{Backend, Precision};
    use crate::cpu::isa::Isa;
    use crate::matrix::{MatrixPart, MatrixSource, RowOrder};
    use crate::placement::BLOCK_TOKENS;

    #[test]
    fn two_products_are_counted_where_activations_are_rounded_twice() {
        let (codes, scales) = (vec![0; 16 * 32], vec![0; 16 * 2]);
        let part = MatrixPart {
            dtype: DType::Q8_0,
            layout: Layout::Rows,
            groups: 1,
            rows: 16,
            data: &codes,
            scales: &scales,
            grid: None,
        };
        let (parts, order) = (&[part][..], RowOrder::Stacked);
        let source = MatrixSource { groups: 1, cols: 32, parts, order, bias: None, quantise: None };
        let mut cpu = Cpu::new(1, None).unwrap();
        for (precision, lanes) in
            [(Precision::Exact, 1), (Precision::Fast, 1), (Precision::Fine, 2)]
        {
            assert_eq!(Cpu::packed(&cpu.pack(&source, precision)).lanes, lanes, "{precision:?}");
        }
    }

    #[test]
    fn what_is_counted_is_what_is_kept() {
        let heads = Heads { query: 4, kv: 2, dim: 32 };
        let data = vec![0; 2 * 16 * 32];
        let part = MatrixPart {
            dtype: DType::Bf16,
            layout: Layout::Rows,
            groups: 1,
            rows: 16,
            data: &data,
            scales: &[],
            grid: None,
        };
        let (parts, order) = (&[part][..], RowOrder::Stacked);
        let source = MatrixSource { groups: 1, cols: 32, parts, order, bias: None, quantise: None };
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            let mut cpu = Cpu::new(1, Some(isa)).unwrap();
            for precision in [Precision::Exact, Precision::Fast] {
                let packed = Cpu::packed(&cpu.pack(&source, precision));
                // Weights, and 16 biases.
                assert_eq!((packed.rows, packed.cols, packed.bytes), (16, 32, 2 * 16 * 32 + 64));
                for dtype in KvDtype::ALL {
                    let pool = cpu.kv_pool(heads, 3, dtype, precision).unwrap();
                    let kept = cpu.kept(&pool);
                    let kept_heads = 3 * BLOCK_TOKENS * 2 * heads.kv;
                    assert_eq!(kept_heads * kept.head_bytes, pool.bytes());
                    if precision == Precision::Exact {
                        assert_eq!([packed.arithmetic, kept.arithmetic], [Arithmetic::F32; 2]);
                    }
                }
            }
        }
    }
}
