//! The tensors of a file, from the spec's roles and the table of names.

use std::ops::Range;

use throng_spec::{DType, ModelSpec, Role};

use super::random::Stream;
use super::recipe::Recipe;
use super::values;
use crate::names::{self, Form, Format, Names};
use crate::writing::Rows;

/// A tensor as it will lie in a file: so many rows of one length.
#[derive(Clone, Debug)]
pub(super) struct FileTensor {
    pub(super) name: String,
    /// Outermost first.
    pub(super) shape: Vec<usize>,
    pub(super) encoding: Encoding,
    pub(super) rows: usize,
    /// Values of a row.
    pub(super) row_len: usize,
    pub(super) order: Order,
    /// The roles whose values these are.
    pub(super) parts: Vec<Part>,
}

/// What the bytes of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Numbers; MXFP4 in GGUF's form, nibbles and scale in one.
    Plain(DType),
    /// The nibbles of MXFP4, 16 bytes a block.
    Nibbles,
    /// The scales of MXFP4, one byte a block.
    Scales,
}

/// Which values of its parts a stored tensor has, and where.
#[derive(Clone, Debug)]
pub(super) enum Order {
    /// Stored row i is row `first + i · step` of the only part.
    Rows { first: usize, step: usize },
    /// The rows of the first part, then those of the second, and so on.
    Stack,
    /// Stored row i is column i of the first part, then of the second, and so on.
    Columns,
    /// The rows of the only part, the halves of each so many of them alternating.
    Pairs { head: usize },
    /// These, which are not random.
    Values(Vec<f32>),
}

/// A role's tensor as random values: `[rows, cols]`.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) stream: Stream,
    pub(super) recipe: Recipe,
    /// What the values are rounded to, whatever a file stores them in.
    pub(super) released: DType,
    pub(super) rows: usize,
    /// 1 for a vector.
    pub(super) cols: usize,
}

impl Encoding {
    /// Bytes of so many values.
    pub(super) const fn bytes(self, values: usize) -> usize {
        match self {
            Self::Plain(dtype) => dtype.bytes(values),
            Self::Nibbles => values / 2,
            Self::Scales => values / DType::Mxfp4.block_len(),
        }
    }

    /// Bytes that such a tensor's beginning should be a multiple of.
    pub(super) const fn alignment(self) -> usize {
        match self {
            Self::Plain(dtype) => dtype.block_bytes(),
            Self::Nibbles | Self::Scales => 1,
        }
    }
}

impl Rows for FileTensor {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn dtype(&self) -> &'static str {
        match self.encoding {
            Encoding::Plain(DType::F32) => "F32",
            Encoding::Plain(DType::F16) => "F16",
            Encoding::Plain(DType::Bf16) => "BF16",
            Encoding::Nibbles | Encoding::Scales => "U8",
            Encoding::Plain(_) => unreachable!("blocks have encodings of their own"),
        }
    }

    fn alignment(&self) -> usize {
        self.encoding.alignment()
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn row_bytes(&self) -> usize {
        self.encoding.bytes(self.row_len)
    }

    fn append(&self, rows: Range<usize>, out: &mut Vec<u8>) {
        values::append(self, rows, out);
    }
}

/// The tensors of the released layout, in the order of the spec.
pub(super) fn safetensors(spec: &ModelSpec, seed: u64) -> Vec<FileTensor> {
    plan(spec, seed, Format::Released, |role, _| Encoding::Plain(spec.released_dtype(role)))
}

/// The roles' tensors in a GGUF file, in the order of the spec.
pub(super) fn gguf(
    spec: &ModelSpec,
    seed: u64,
    encoding: impl Fn(Role, &Part) -> Encoding,
) -> Vec<FileTensor> {
    plan(spec, seed, Format::Gguf, encoding)
}

/// The tensors of a format, in the order of the spec, encoded as `encoding` says of a role and its
/// part unless their form decides.
fn plan(
    spec: &ModelSpec,
    seed: u64,
    format: Format,
    encoding: impl Fn(Role, &Part) -> Encoding,
) -> Vec<FileTensor> {
    let names = Names::of(spec.architecture, format);
    let mut tensors: Vec<FileTensor> = Vec::new();
    for (role, shape) in spec.tensors() {
        let part = Part::new(spec, role, &shape, seed);
        let (start, form) = names.form(names.prefixes[0], role);
        let encoding = encoding(role, &part);
        let whole = |name: &str, order| FileTensor {
            name: format!("{start}{name}"),
            shape: shape.clone(),
            encoding,
            rows: part.rows,
            row_len: part.cols,
            order,
            parts: vec![part.clone()],
        };
        match form {
            Form::Rows(ends) => {
                tensors.extend(ends.iter().enumerate().map(|(first, end)| {
                    whole(end, Order::Rows { first, step: ends.len() }).share(ends.len())
                }));
            }
            Form::Experts(ends) => tensors.extend(experts(ends, whole)),
            Form::Pairs(name) => {
                tensors.push(whole(name, Order::Pairs { head: spec.heads.dim }));
            }
            Form::Mxfp4(blocks, scales, _) => {
                tensors.push(whole(blocks, Order::Stack).half_of_mxfp4(Encoding::Nibbles));
                tensors.push(whole(scales, Order::Stack).half_of_mxfp4(Encoding::Scales));
            }
            Form::Stack(name, _) => join(&mut tensors, whole(name, Order::Stack)),
            Form::Columns(name, _) => {
                let mut tensor = whole(name, Order::Columns);
                (tensor.rows, tensor.row_len) = (part.cols, part.rows);
                tensor.shape.rotate_left(1);
                join(&mut tensors, tensor);
            }
        }
    }
    tensors
}

/// The tensors of all experts one by one.
fn experts(
    ends: &[&str],
    whole: impl Fn(&str, Order) -> FileTensor,
) -> impl Iterator<Item = FileTensor> {
    let count = |tensor: &FileTensor| tensor.shape[0];
    let all = count(&whole("", Order::Stack));
    (0..all).flat_map(move |expert| {
        let tensors = ends.iter().enumerate().map(|(index, end)| {
            let mut tensor = whole(&names::of_expert(end, expert), Order::Stack);
            tensor.rows /= tensor.shape.remove(0);
            let first = expert * tensor.rows + index;
            tensor.order = Order::Rows { first, step: ends.len() };
            tensor.share(ends.len())
        });
        tensors.collect::<Vec<_>>()
    })
}

/// Adds a role's tensor to the one that has the name already, if there is one.
fn join(tensors: &mut Vec<FileTensor>, tensor: FileTensor) {
    let Some(other) = tensors.iter_mut().rfind(|other| other.name == tensor.name) else {
        return tensors.push(tensor);
    };
    match tensor.order {
        Order::Columns => {
            other.row_len += tensor.row_len;
            *other.shape.last_mut().expect("no tensor is a single number") += tensor.row_len;
        }
        _ => {
            other.rows += tensor.rows;
            other.shape[0] += tensor.rows;
        }
    }
    other.parts.extend(tensor.parts);
}

impl FileTensor {
    /// One of so many tensors whose rows alternate.
    fn share(mut self, of: usize) -> Self {
        self.rows /= of;
        // Rows are the last dimension but one; of a vector, the last.
        let dimension = self.shape.len() - if self.row_len > 1 { 2 } else { 1 };
        self.shape[dimension] /= of;
        self
    }

    /// The nibbles or the scales of a tensor that has both.
    fn half_of_mxfp4(mut self, encoding: Encoding) -> Self {
        const BLOCK: usize = DType::Mxfp4.block_len();
        self.shape.pop();
        self.shape.push(self.row_len / BLOCK);
        if encoding == Encoding::Nibbles {
            self.shape.push(BLOCK / 2);
        }
        Self { encoding, ..self }
    }
}

impl Part {
    /// The values of a role. Their stream is the role's, whatever files call it.
    fn new(spec: &ModelSpec, role: Role, shape: &[usize], seed: u64) -> Self {
        let count: usize = shape.iter().product();
        let cols = if is_matrix(role) { shape.last().copied().unwrap_or(1) } else { 1 };
        Self {
            stream: Stream::new(seed, &format!("{role:?}")),
            recipe: Recipe::new(spec, role, shape),
            released: spec.released_dtype(role),
            rows: count / cols,
            cols,
        }
    }
}

/// Whether a role's tensor multiplies or is looked up in; others are one or several vectors.
fn is_matrix(role: Role) -> bool {
    match role {
        Role::Embedding | Role::Positions | Role::Head => true,
        Role::FinalNorm | Role::FinalNormBias => false,
        Role::Layer(_, role) => role.is_matrix(),
    }
}
