//! What a matrix, the KV cache and a step take in memory, said without taking it.

use throng_spec::{DType, Heads, KvDtype, Mlp};

use super::integers::Format;
use super::kernels::LANES;
use super::panels::BLOCK;
use crate::backend::Precision;
use crate::placement::BLOCK_TOKENS;

/// How the weights of a matrix are kept whose parts are stored in these dtypes: as they are where
/// all are of one dtype that the kernels have a format for, so without loss. For [`Precision::Exact`]
/// those are MXFP4, bf16 and f16, and all else becomes f32. The others have all quantised
/// types, and round their values to bf16 where several meet in a matrix, with an error below that
/// of their quantisation; but see [`stacked_dtypes`].
pub fn packed_dtype(parts: impl Iterator<Item = DType> + Clone, precision: Precision) -> DType {
    let fast = precision != Precision::Exact;
    let first = parts.clone().next().unwrap_or(DType::F32);
    let is_kept = match first {
        DType::Mxfp4 | DType::F16 | DType::Bf16 => true,
        dtype => fast && Format::of(dtype).is_some(),
    };
    if is_kept && parts.clone().all(|dtype| dtype == first) {
        first
    } else if parts.clone().all(|dtype| dtype == DType::Bf16 || fast && dtype.is_quantised()) {
        DType::Bf16
    } else {
        DType::F32
    }
}

/// How each of the parts of a matrix is kept that are stacked, given their dtypes and rows: as it is
/// stored if all are of dtypes that stay as they are and each but the last fills its tiles, and
/// else as [`packed_dtype`] says.
pub fn stacked_dtypes(parts: &[(DType, usize)], precision: Precision) -> Vec<DType> {
    let together = packed_dtype(parts.iter().map(|part| part.0), precision);
    let before = parts.split_last().map_or(&[][..], |(_, before)| before);
    let apart = precision != Precision::Exact
        && parts.iter().all(|(dtype, _)| Format::of(*dtype).is_some())
        && before.iter().all(|(_, rows)| rows.is_multiple_of(LANES));
    parts.iter().map(|(dtype, _)| if apart { *dtype } else { together }).collect()
}

/// Columns with their padding.
pub(crate) fn padded(cols: usize) -> usize {
    cols.next_multiple_of(BLOCK)
}

/// Bytes of a packed matrix with its bias, or `None` if that overflows. `dtype` is that of
/// [`packed_dtype`].
pub fn packed_bytes(dtype: DType, [groups, rows, cols]: [usize; 3]) -> Option<usize> {
    let rows = groups.checked_mul(rows.checked_next_multiple_of(LANES)?)?;
    let values = rows.checked_mul(cols.checked_next_multiple_of(BLOCK)?)?;
    let weights = match Format::of(dtype) {
        Some(format) => format.bytes(values)?,
        None => values.checked_mul(dtype.block_bytes())?,
    };
    weights.checked_add(rows.checked_mul(size_of::<f32>())?)
}

/// Bytes of the keys and values of one layer, or the largest number there is if they are more.
pub fn kv_pool_bytes(heads: Heads, blocks: usize, dtype: KvDtype) -> usize {
    let block = 2 * heads.kv * BLOCK_TOKENS * dtype.head_bytes(heads.dim);
    block.saturating_mul(blocks)
}

/// Bytes at most that the CPU's operations keep for themselves in a step of `tokens` tokens through
/// layers like this one: rounded copies of what they multiply, outputs of each expert before their
/// sum, logits of the router, a copy of the heads that are normed.
pub fn scratch_bytes(tokens: usize, hidden: usize, heads: Heads, mlp: &Mlp) -> usize {
    let slots = tokens.saturating_mul(mlp.active());
    let linear = tokens.saturating_mul(padded(hidden.max(heads.query_width())));
    let experts = slots.saturating_mul(padded(mlp.width.max(hidden)));
    let sums = if mlp.active() > 1 { slots.saturating_mul(hidden) } else { 0 };
    let routes = tokens.saturating_mul(mlp.experts());
    let normed = tokens.saturating_mul(heads.query_width() + 2 * heads.kv_width());
    [linear, experts, sums, routes, normed]
        .into_iter()
        .fold(0usize, |sum, values| sum.saturating_add(values.saturating_mul(size_of::<f32>())))
}

#[cfg(test)]
mod tests {
    use super::{packed_bytes, packed_dtype, stacked_dtypes};
    use crate::backend::Precision::{Exact, Fast};
    use throng_spec::DType::{self, *};

    #[test]
    fn what_is_kept_as_what() {
        let cases: [(&[DType], DType, DType); 15] = [
            (&[Mxfp4, Mxfp4], Mxfp4, Mxfp4),
            (&[Bf16], Bf16, Bf16),
            (&[Q4_0, Q4_0], F32, Q4_0),
            (&[Q8_0], F32, Q8_0),
            (&[Q4_0, Q6K], F32, Bf16),
            (&[Q5K, Q5K], F32, Q5K),
            (&[Q6K], F32, Q6K),
            (&[Q8_0, Bf16], F32, Bf16),
            (&[Mxfp4, Bf16], F32, Bf16),
            (&[Q4K, F32], F32, F32),
            (&[Fp8, Fp8], F32, Bf16),
            (&[Fp8, Bf16], F32, Bf16),
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
    fn stacked_parts_stay_as_they_are_if_each_fills_its_tiles() {
        let parts = [(Q4K, 32), (Q4K, 16), (Q6K, 5)];
        assert_eq!(stacked_dtypes(&parts, Fast), [Q4K, Q4K, Q6K]);
        assert_eq!(stacked_dtypes(&parts, Exact), [F32; 3]);
        assert_eq!(stacked_dtypes(&[(Q4K, 32), (Q6K, 5), (Q4K, 16)], Fast), [Bf16; 3]);
        assert_eq!(stacked_dtypes(&[(Q4K, 5), (Q4K, 5)], Fast), [Q4K; 2]);
        assert_eq!(stacked_dtypes(&[(Q4K, 16), (Bf16, 16)], Fast), [Bf16; 2]);
    }

    #[test]
    fn bytes_with_padding() {
        // 16 rows for 3, 32 columns for 10.
        assert_eq!(packed_bytes(F32, [2, 3, 10]), Some(2 * 16 * (32 * 4 + 4)));
        assert_eq!(packed_bytes(Bf16, [2, 3, 10]), Some(2 * 16 * (32 * 2 + 4)));
        assert_eq!(packed_bytes(Mxfp4, [1, 17, 64]), Some(32 * (2 * 17 + 4)));
        // Eight blocks of four lines, and for each row two bytes a block and two f16.
        assert_eq!(packed_bytes(Q4K, [1, 16, 256]), Some(8 * 4 * 64 + 16 * (8 * 2 + 4 + 4)));
        assert_eq!(packed_bytes(Q6K, [1, 16, 256]), Some(16 * (210 + 4)));
        assert_eq!(packed_bytes(F32, [usize::MAX, 1, 1]), None);
    }
}
