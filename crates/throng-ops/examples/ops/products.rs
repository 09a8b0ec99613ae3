//! Products with matrices that every token goes through.

use throng_ops::{Backend, Counted, Cpu, OutOfMemory};
use throng_spec::DType;

use crate::common::{Random, Stored};
use crate::group::{Group, Measured, Op};
use crate::options::Options;

/// Tokens of a step, from one that decodes to a chunk of a prompt.
pub const TOKENS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 256, 512];

/// Rows and columns of gpt-oss-20b's projections, and of a part of its head.
const SHAPES: [[usize; 2]; 3] = [[5120, 2880], [2880, 4096], [16_384, 2880]];

const DTYPES: [DType; 12] = [
    DType::Mxfp4,
    DType::Q8_0,
    DType::Q4_0,
    DType::Q4_1,
    DType::Q5_0,
    DType::Q5_1,
    DType::Q4K,
    DType::Q5K,
    DType::Q6K,
    DType::Bf16,
    DType::F16,
    DType::F32,
];

/// All of them.
pub fn groups() -> Vec<Box<dyn Group>> {
    let mut groups: Vec<Box<dyn Group>> = Vec::new();
    for dtype in DTYPES {
        // Blocks of the larger types do not divide the rows of gpt-oss.
        let fits = |[_, cols]: &[usize; 2]| cols.is_multiple_of(dtype.block_len());
        for [rows, cols] in SHAPES.into_iter().filter(fits) {
            groups.push(Box::new(Linear { dtype, rows, cols }));
        }
    }
    groups
}

/// Matrices of one shape.
struct Linear {
    dtype: DType,
    rows: usize,
    cols: usize,
}

impl Group for Linear {
    fn name(&self) -> String {
        let Self { dtype, rows, cols } = self;
        format!("linear/{}/{rows}x{cols}", dtype.to_string().to_lowercase())
    }

    fn sizes(&self) -> &[usize] {
        &TOKENS
    }

    fn prepare(
        &self,
        backend: &mut Measured,
        options: &Options,
    ) -> Result<Box<dyn Op>, OutOfMemory> {
        let Self { dtype, rows, cols } = *self;
        let stored = Stored::random(dtype, [1, rows, cols], &mut Random::new(1));
        let matrices = copies(backend, options, &stored);
        Ok(Box::new(Ready { rows, cols, matrices, tokens: 0, x: Vec::new(), out: Vec::new() }))
    }
}

/// As many packed copies as the footprint wants.
pub fn copies(
    backend: &mut Measured,
    options: &Options,
    stored: &Stored,
) -> Vec<<Cpu as Backend>::Matrix> {
    let first = stored.pack(backend, options.precision);
    let more = options.copies(Cpu::packed(&first).bytes) - 1;
    let mut matrices = vec![first];
    matrices.extend((0..more).map(|_| stored.pack(backend, options.precision)));
    matrices
}

struct Ready {
    rows: usize,
    cols: usize,
    matrices: Vec<<Cpu as Backend>::Matrix>,
    tokens: usize,
    x: Vec<f32>,
    out: Vec<f32>,
}

impl Op for Ready {
    fn resize(&mut self, backend: &mut Measured, tokens: usize) {
        self.tokens = tokens;
        self.x = backend.upload(&Random::new(2).values(tokens * self.cols));
        backend.reserve(&mut self.out, tokens * self.rows);
    }

    fn run(&mut self, backend: &mut Measured, round: usize) {
        let matrix = &self.matrices[round % self.matrices.len()];
        backend.linear(self.tokens, &self.x, matrix, &mut self.out);
    }
}
