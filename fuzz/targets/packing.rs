//! Whatever the bytes of a matrix are, it packs; in exact precision its product is that of the
//! obvious loops, and where vectors are rounded it is the same alone and in company.
//!
//! An input is a type, a shape and an instruction set in five bytes, then the bytes of the matrix,
//! from the beginning again where they do not suffice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use throng_ops::{Backend, Cpu, Isa, MatrixPart, MatrixSource, Naive, Precision, RowOrder, decode};
use throng_spec::{DType, Layout, ScaleGrid};

/// More than a kernel takes at once, and more than one panel of activations has.
const TOKENS: usize = 19;
/// Sums of smaller magnitude have room in an f32, whatever the order.
const MAX_MAGNITUDE: f32 = 1e30;
/// Where vectors of weights are widened, the smallest scale of MXFP4 (2^-127) is 0, and 255 (NaN) an
/// infinity. No weight that matters has either.
const TINY: f32 = 1e-30;

fuzz_target!(|input: &[u8]| {
    let Some(([dtype, rows, cols, isa, scales], bytes)) = input.split_first_chunk() else { return };
    let dtype = DType::ALL[usize::from(*dtype) % DType::ALL.len()];
    let (rows, block) = (1 + usize::from(*rows) % 40, dtype.block_len());
    let cols = (1 + usize::from(*cols) % 70).next_multiple_of(block);
    let isa = Isa::ALL[usize::from(*isa) % Isa::ALL.len()];
    if bytes.is_empty() || !isa.is_supported() {
        return;
    }
    let mut bytes = bytes.iter().copied().cycle();
    let mut take = |len: usize| bytes.by_ref().take(len).collect::<Vec<u8>>();
    let grid = (dtype == DType::Fp8).then(|| grid(usize::from(*scales)));
    // Of two forms, that with the scales apart.
    let scale = if scales % 2 == 0 { 0 } else { dtype.scale_bytes() };
    let blocks = rows * cols / block;
    let data = take(blocks * (dtype.block_bytes() - scale));
    let scales = take(grid.map_or(blocks * scale, |grid| grid.bytes([rows, cols])));
    let layout = Layout::Rows;
    let part = MatrixPart { dtype, layout, groups: 1, rows, data: &data, scales: &scales, grid };
    let source = MatrixSource {
        groups: 1,
        cols,
        parts: &[part],
        order: RowOrder::Stacked,
        bias: None,
        quantise: None,
    };
    // Halves and quarters, so that only the matrix has odd numbers.
    let x: Vec<f32> =
        take(TOKENS * cols).into_iter().map(|byte| f32::from(byte as i8) / 64.0).collect();

    let mut cpu = Cpu::new(1, Some(isa)).expect("the machine has it");
    let exact = product(&mut cpu, &source, Precision::Exact, &x, TOKENS);
    let naive = product(&mut Naive, &source, Precision::Exact, &x, TOKENS);
    let values = match grid {
        None => decode(dtype, layout, &data, &scales),
        Some(grid) => (0..rows).flat_map(|row| fp8_row(grid, &part, row, cols)).collect(),
    };
    for (token, x) in x.chunks(cols).enumerate() {
        for (row, values) in values.chunks(cols).enumerate() {
            let magnitude: f32 = values.iter().zip(x).map(|(a, b)| (a * b).abs()).sum();
            let largest = values.iter().fold(0.0, |max: f32, value| max.max(value.abs()));
            if !magnitude.is_finite() || largest > MAX_MAGNITUDE {
                continue;
            }
            let at = token * rows + row;
            let error = (exact[at] - naive[at]).abs();
            assert!(
                error <= 1e-5 * magnitude + TINY,
                "{dtype} {rows}x{cols} {isa}, row {row} of token {token}: {} for {}",
                exact[at],
                naive[at]
            );
        }
    }

    for precision in [Precision::Fast, Precision::Fine] {
        let crowd = product(&mut cpu, &source, precision, &x, TOKENS);
        for (token, x) in x.chunks(cols).enumerate() {
            let alone = product(&mut cpu, &source, precision, x, 1);
            for (row, (alone, crowd)) in alone.iter().zip(&crowd[token * rows..]).enumerate() {
                let same = alone.to_bits() == crowd.to_bits() || alone.is_nan() && crowd.is_nan();
                assert!(
                    same,
                    "{dtype} {rows}x{cols} {isa} {precision:?}, row {row} of token {token}: \
                     {alone} alone, {crowd} in company"
                );
            }
        }
    }
});

/// Rectangles of any size that share a scale of any type.
fn grid(number: usize) -> ScaleGrid {
    let dtype = [DType::F32, DType::Bf16, DType::F16][number % 3];
    ScaleGrid { dtype, rows: 1 + number / 3 % 9, cols: 1 + number / 27 * 5 }
}

fn fp8_row(grid: ScaleGrid, part: &MatrixPart<'_>, row: usize, cols: usize) -> Vec<f32> {
    let mut values = vec![0.0; cols];
    let scales = grid.of_row(part.scales, row, cols);
    grid.decode(&part.data[row * cols..][..cols], scales, &mut values);
    values
}

fn product<B: Backend>(
    backend: &mut B,
    source: &MatrixSource<'_>,
    precision: Precision,
    x: &[f32],
    tokens: usize,
) -> Vec<f32> {
    let matrix = backend.pack(source, precision);
    let (x, mut out) = (backend.upload(x), B::Buffer::default());
    backend.reserve(&mut out, tokens * source.rows());
    backend.linear(tokens, &x, &matrix, &mut out);
    backend.read(&out, tokens * source.rows()).to_vec()
}
