//! What a matrix, the KV cache and a step take in memory, said without taking it.

use throng_spec::{DType, Heads, Mlp};

use super::kernels::{COLUMN_STEP, LANES};
use crate::backend::Precision;
use crate::placement::BLOCK_TOKENS;

/// How the weights of a matrix are kept whose parts are stored in these dtypes: as MXFP4, bf16 or f16
/// if all of them are, so without loss. The kernels have no other format but f32, which
/// [`Precision::Exact`] takes for all else. [`Precision::Fast`] rounds other quantised values to
/// bf16: half the bytes, and an error below that of their quantisation (of Q8_0 a third or so, of
/// types with fewer bits far less).
pub fn packed_dtype(parts: impl Iterator<Item = DType> + Clone, precision: Precision) -> DType {
    let fast = precision == Precision::Fast;
    if parts.clone().all(|dtype| dtype == DType::Mxfp4) {
        DType::Mxfp4
    } else if parts.clone().all(|dtype| dtype == DType::F16) {
        DType::F16
    } else if parts.clone().all(|dtype| dtype == DType::Bf16 || fast && dtype.is_quantised()) {
        DType::Bf16
    } else {
        DType::F32
    }
}

/// Bytes of a packed matrix with its bias, or `None` if that overflows. `dtype` is that of
/// [`packed_dtype`].
pub fn packed_bytes(dtype: DType, [groups, rows, cols]: [usize; 3]) -> Option<usize> {
    let rows = groups.checked_mul(rows.checked_next_multiple_of(LANES)?)?;
    let values = rows.checked_mul(cols.checked_next_multiple_of(COLUMN_STEP)?)?;
    let weights = (values / dtype.block_len()).checked_mul(dtype.block_bytes())?;
    weights.checked_add(rows.checked_mul(size_of::<f32>())?)
}

/// Bytes of the keys and values of one layer, or the largest number there is if they are more.
pub fn kv_pool_bytes(heads: Heads, blocks: usize, precision: Precision) -> usize {
    let block = 2 * heads.kv_width() * BLOCK_TOKENS * precision.kv_value_bytes();
    block.saturating_mul(blocks)
}

/// Bytes at most that the CPU's operations keep for themselves in a step of `tokens` tokens through
/// layers like this one: rounded copies of what they multiply, outputs of each expert before their
/// sum, logits of the router, a copy of the heads that are normed.
pub fn scratch_bytes(tokens: usize, hidden: usize, heads: Heads, mlp: &Mlp) -> usize {
    let slots = tokens.saturating_mul(mlp.active());
    let linear = tokens.saturating_mul(hidden.max(heads.query_width()));
    let experts = slots.saturating_mul(mlp.width).max(tokens.saturating_mul(hidden));
    let sums = slots.saturating_mul(hidden);
    let routes = tokens.saturating_mul(mlp.experts());
    let normed = tokens.saturating_mul(heads.query_width() + 2 * heads.kv_width());
    [linear, experts, sums, routes, normed]
        .into_iter()
        .fold(0usize, |sum, values| sum.saturating_add(values.saturating_mul(size_of::<f32>())))
}

#[cfg(test)]
mod tests {
    use super::{packed_bytes, packed_dtype};
    use crate::backend::Precision::{Exact, Fast};
    use throng_spec::DType::{self, *};

    #[test]
    fn what_is_kept_as_what() {
        let cases: [(&[DType], DType, DType); 9] = [
            (&[Mxfp4, Mxfp4], Mxfp4, Mxfp4),
            (&[Bf16], Bf16, Bf16),
            (&[Q4_0, Q6K], F32, Bf16),
            (&[Q8_0, Bf16], F32, Bf16),
            (&[Mxfp4, Bf16], F32, Bf16),
            (&[Q4K, F32], F32, F32),
            (&[F16], F16, F16),
            (&[F16, Bf16], F32, F32),
            (&[F32, Bf16], F32, F32),
        ];
        for (parts, exact, fast) in cases {
            assert_eq!(packed_dtype(parts.iter().copied(), Exact), exact, "{parts:?}");
            assert_eq!(packed_dtype(parts.iter().copied(), Fast), fast, "{parts:?}");
        }
    }

    #[test]
    fn bytes_with_padding() {
        // 16 rows for 3, 12 columns for 10.
        assert_eq!(packed_bytes(F32, [2, 3, 10]), Some(2 * 16 * (12 * 4 + 4)));
        assert_eq!(packed_bytes(Bf16, [2, 3, 10]), Some(2 * 16 * (12 * 2 + 4)));
        assert_eq!(packed_bytes(Mxfp4, [1, 17, 64]), Some(32 * (2 * 17 + 4)));
        assert_eq!(packed_bytes(F32, [usize::MAX, 1, 1]), None);
    }
}
