//! However a checkpoint stores a matrix, it packs to the same one: in parts, with rows interleaved,
//! expert by expert, by columns, as a share of a wider matrix, with the rows of a head in pairs,
//! MXFP4 with its scales apart or among its values.

mod common;

use common::{Random, Stored, experts_of, linear_of, whole_types};
use proptest::prelude::*;
use proptest::sample::select;
use throng_ops::{Backend, Cpu, Isa, MatrixPart, MatrixSource, Naive, Precision, RowOrder, decode};
use throng_spec::{DType, Layout};

fn dtype() -> impl Strategy<Value = DType> {
    prop_oneof![Just(DType::F32), Just(DType::F16), Just(DType::Bf16)]
}

/// The rows of a group whose index is `first` modulo `step`.
fn rows(stored: &Stored, group: usize, first: usize, step: usize) -> Vec<u8> {
    let row = stored.dtype.bytes(stored.cols);
    let group = &stored.data[group * stored.rows * row..][..stored.rows * row];
    group.chunks(row).skip(first).step_by(step).flatten().copied().collect()
}

fn part(dtype: DType, rows: usize, data: &[u8]) -> MatrixPart<'_> {
    MatrixPart { dtype, layout: Layout::Rows, groups: 1, rows, data, scales: &[], grid: None }
}

/// A matrix as columns within a wider one, `before` and `after` values around each.
fn columns(stored: &Stored, before: usize, after: usize) -> (Vec<u8>, usize) {
    let size = stored.dtype.bytes(1);
    let mut data = Vec::new();
    for col in 0..stored.cols {
        data.extend(std::iter::repeat_n(0xff, before * size));
        for row in 0..stored.rows {
            data.extend(&stored.data[(row * stored.cols + col) * size..][..size]);
        }
        data.extend(std::iter::repeat_n(0xff, after * size));
    }
    let end = data.len() - after * size;
    (data[before * size..end].to_vec(), before + stored.rows + after)
}

fn check<B: Backend>(backend: &mut B, dtype: DType, seed: u64) {
    let mut random = Random::new(seed);
    let (groups, half, cols) = (1 + random.below(4), 1 + random.below(20), 1 + random.below(40));
    let precision = Precision::Exact;

    let stored = Stored::random(dtype, [groups, 2 * half, cols], &mut random);
    let x = random.values(5 * cols);
    let cut: Vec<Vec<u8>> = (0..2 * groups).map(|i| rows(&stored, i / 2, i % 2, 2)).collect();
    let parts: Vec<_> = cut.iter().map(|data| part(dtype, half, data)).collect();
    let order = RowOrder::Interleaved;
    let bias = Some(&stored.bias[..]);
    let source = MatrixSource { groups, cols, parts: &parts, order, bias, quantise: None };
    let packed = backend.pack(&source, precision);
    let whole = stored.pack(backend, precision);
    let expected = experts_of(backend, &whole, (groups, half), &x);
    assert_eq!(experts_of(backend, &packed, (groups, half), &x), expected);

    let stored = Stored::random(dtype, [1, half, cols], &mut random);
    let (data, pitch) = columns(&stored, random.below(5), random.below(5));
    let layout = Layout::Columns { pitch };
    let part = MatrixPart { layout, ..part(dtype, half, &data) };
    let bias = Some(&stored.bias[..]);
    let source = MatrixSource { groups: 1, cols, parts: &[part], order, bias, quantise: None };
    let packed = backend.pack(&source, precision);
    let whole = stored.pack(backend, precision);
    let expected = linear_of(backend, &whole, half, (&x, 5));
    assert_eq!(linear_of(backend, &packed, half, (&x, 5)), expected);
}

/// The matrix as files have it whose heads' rows are in pairs: first with second half in turn.
fn in_pairs(stored: &Stored, head: usize) -> Stored {
    stored.with_rows(|at| at / head * head + at % 2 * (head / 2) + at % head / 2)
}

fn check_pairs<B: Backend>(backend: &mut B, dtype: DType, seed: u64) {
    let mut random = Random::new(seed);
    let (groups, head, heads) = (1 + random.below(3), 2 + 2 * random.below(9), 1 + random.below(4));
    let (rows, cols) = (heads * head, (1 + random.below(40)).next_multiple_of(dtype.block_len()));
    let precision = if random.below(2) == 0 { Precision::Exact } else { Precision::Fast };

    let stored = Stored::random(dtype, [groups, rows, cols], &mut random);
    let x = random.values(5 * cols);
    let whole = stored.pack(backend, precision);
    let expected = experts_of(backend, &whole, (groups, rows / 2), &x);
    for other in [in_pairs(&stored, head), in_pairs(&stored, head).in_gguf()] {
        let part = MatrixPart { layout: Layout::Pairs { head }, ..other.part() };
        let packed = stored.pack_part(part, backend, precision);
        assert_eq!(experts_of(backend, &packed, (groups, rows / 2), &x), expected);
    }
    let plain = stored.in_gguf().pack(backend, precision);
    assert_eq!(experts_of(backend, &plain, (groups, rows / 2), &x), expected);
}

#[test]
fn the_pairs_of_a_vector_are_parted() {
    for dtype in whole_types() {
        let (mut random, len) = (Random::new(7), 2 * dtype.block_len().max(8));
        let stored = Stored::random(dtype, [1, 1, len], &mut random);
        let values = stored.values();
        let parted = decode(dtype, Layout::Pairs { head: 8 }, &stored.data, &stored.scales);
        for (start, (parted, values)) in parted.chunks(8).zip(values.chunks(8)).enumerate() {
            let expected = [0, 2, 4, 6, 1, 3, 5, 7].map(|i| values[i]);
            assert_eq!(parted, expected, "{dtype} from {start}");
        }
        let gguf = stored.in_gguf();
        assert_eq!(decode(dtype, Layout::Rows, &gguf.data, &gguf.scales), values, "{dtype}");
    }
}

/// Rows of several quantised types stay what they are where each fills tiles of its own: products are
/// those of the parts, bit for bit.
#[test]
fn stacked_parts_of_several_types_are_their_own_matrices() {
    let (mut random, cols, precision) = (Random::new(11), 512, Precision::Fast);
    let kinds = [(DType::Q4K, 32), (DType::Q6K, 16), (DType::Q8_0, 21)];
    let stored = kinds.map(|(dtype, rows)| Stored::random(dtype, [1, rows, cols], &mut random));
    let parts = stored.each_ref().map(Stored::part);
    let bias: Vec<f32> = stored.iter().flat_map(|part| part.bias.clone()).collect();
    let (order, bias) = (RowOrder::Stacked, Some(&bias[..]));
    let source = MatrixSource { groups: 1, cols, parts: &parts, order, bias, quantise: None };
    let x = random.values(20 * cols);
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
        let mut cpu = Cpu::new(2, Some(isa)).unwrap();
        let whole = cpu.pack(&source, precision);
        let packed = stored.each_ref().map(|part| part.pack(&mut cpu, precision));
        assert_eq!(whole.bytes(), packed.iter().map(|matrix| matrix.bytes()).sum::<usize>());
        let rows = kinds.iter().map(|kind| kind.1).sum();
        let ours = linear_of(&mut cpu, &whole, rows, (&x, 20));
        for (token, ours) in ours.chunks(rows).enumerate() {
            let x = &x[token * cols..][..cols];
            let each = packed.iter().zip(kinds);
            let expected: Vec<f32> = each
                .flat_map(|(part, (_, rows))| linear_of(&mut cpu, part, rows, (x, 1)))
                .collect();
            assert_eq!(ours, expected, "{isa}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn every_layout_packs_alike(dtype in dtype(), seed: u64) {
        check(&mut Naive, dtype, seed);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            check(&mut Cpu::new(2, Some(isa)).unwrap(), dtype, seed);
        }
    }

    #[test]
    fn rows_in_pairs_pack_alike(dtype in select(whole_types()), seed: u64) {
        check_pairs(&mut Naive, dtype, seed);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
            check_pairs(&mut Cpu::new(2, Some(isa)).unwrap(), dtype, seed);
        }
    }
}
