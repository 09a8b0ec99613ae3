//! Roles to the stored tensors that play them, checked: what is odd about a file ends here.

mod apart;
mod floats;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use throng_spec::{DType, LayerRole, Layout, ModelSpec, Role, ScaleGrid};

use crate::archive::{Archive, Entry, Kind};
use crate::error::CheckpointError;
use crate::names::{self, Form, Names};
use crate::scaling::Scalings;
use crate::weights::Weights;
use apart::ends_of_values;

/// A stored tensor, or a part of one, that makes up a role's tensor, alone or with others.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) dtype: DType,
    pub(crate) layout: Layout,
    /// Of its share in the role's tensor.
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Span,
    /// Where they are a tensor of their own.
    pub(crate) scales: Option<Span>,
    /// Of those of FP8.
    pub(crate) grid: Option<ScaleGrid>,
}

/// A range within one of the archives.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) archive: usize,
    pub(crate) range: Range<usize>,
}

/// Finds tensors by an architecture's names.
pub(crate) struct Binder<'a> {
    weights: &'a Weights,
    spec: &'a ModelSpec,
    names: &'static Names,
    prefix: &'static str,
    scalings: &'a Scalings,
    /// Names of the tensors that have a role.
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Binder<'a> {
    /// What names of all tensors but the head's begin with.
    pub(crate) fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// With the prefix that the file's embedding has, or the usual one if there is no embedding.
    pub(crate) fn new(
        weights: &'a Weights,
        spec: &'a ModelSpec,
        names: &'static Names,
        scalings: &'a Scalings,
    ) -> Self {
        let has_embedding = |prefix: &&&str| match names.form(prefix, Role::Embedding) {
            (start, Form::Rows([name])) => {
                ends_of_values().any(|end| weights.find(&format!("{start}{name}{end}")).is_ok())
            }
            _ => false,
        };
        let prefix = names.prefixes.iter().find(has_embedding).unwrap_or(&names.prefixes[0]);
        Self { weights, spec, names, prefix, scalings, used: RefCell::default() }
    }

    /// Finds the pieces of a role's tensor of the given shape and checks their types and shapes.
    pub(crate) fn bind(&self, role: Role, shape: &[usize]) -> Result<Vec<Piece>, CheckpointError> {
        let (start, form) = self.names.form(self.prefix, role);
        let full = |name: &str| format!("{start}{name}");
        match form {
            Form::Rows(names) => {
                let shape = share_of_rows(shape, usize::from(role.is_per_expert()), names.len());
                let piece = |name: &&str| self.whole(role, full(name), shape.clone(), Layout::Rows);
                names.iter().map(piece).collect()
            }
            Form::Experts(names) => {
                let (experts, matrix) = of_experts(shape);
                let shape = share_of_rows(matrix, 0, names.len());
                let all = (0..experts).flat_map(|expert| names.iter().map(move |n| (expert, n)));
                all.map(|(expert, name)| {
                    let name = full(&names::of_expert(name, expert));
                    self.whole(role, name, shape.clone(), Layout::Rows)
                })
                .collect()
            }
            Form::Stack(name, roles) => Ok(vec![self.stack(full(name), role, shape, roles)?]),
            Form::Columns(name, roles) => Ok(vec![self.columns(full(name), role, shape, roles)?]),
            Form::Pairs(name) => {
                let layout = Layout::Pairs { head: self.spec.heads.dim };
                Ok(vec![self.whole(role, full(name), shape.to_vec(), layout)?])
            }
            Form::Mxfp4(blocks, scales, plain) => {
                let (blocks, scales, plain) = (full(blocks), full(scales), plain.map(&full));
                let is_there = |plain: &String| {
                    ends_of_values().any(|end| self.weights.find(&format!("{plain}{end}")).is_ok())
                };
                match plain.filter(is_there) {
                    Some(plain) => self.experts_in_columns(plain, shape),
                    None => Ok(vec![self.mxfp4(&blocks, &scales, shape)?]),
                }
            }
        }
    }

    /// Refuses tensors that nobody asked for: the model may be another than its config says.
    pub(crate) fn check_all_used(&self) -> Result<(), CheckpointError> {
        let used = self.used.borrow();
        let stray = |name: &&String| !used.contains(*name) && !self.names.is_ignored(name);
        let stray = self.weights.archives.iter().find_map(|archive| {
            let tensor = archive.entries.keys().find(stray)?.clone();
            Some(CheckpointError::StrayTensor { file: archive.file.clone(), tensor })
        });
        stray.map_or(Ok(()), Err)
    }

    /// The tensor of this name, which then has a role, with its archive's index.
    fn find(&self, name: &str) -> Result<(usize, &'a Archive, &'a Entry), CheckpointError> {
        let (index, entry) = self.weights.find(name)?;
        self.used.borrow_mut().insert(name.to_owned());
        Ok((index, &self.weights.archives[index], entry))
    }

    /// A tensor of numbers, of this stored shape.
    fn numbers(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<(DType, usize, Range<usize>), CheckpointError> {
        let (index, archive, entry) = self.find(name)?;
        let Kind::Numbers(dtype) = entry.kind else {
            return Err(wrong_dtype(archive, name, entry, self.names.format.numbers()));
        };
        check_shape(archive, name, entry, shape)?;
        Ok((dtype, index, entry.range.clone()))
    }

    fn whole(
        &self,
        role: Role,
        name: String,
        shape: Vec<usize>,
        layout: Layout,
    ) -> Result<Piece, CheckpointError> {
        // Biases of experts have two dimensions, but are read as vectors: they have no scales.
        let is_bias = matches!(role, Role::Layer(_, role) if role.is_matrix_bias());
        if !is_bias && let Some(piece) = self.floats(&name, &shape)? {
            return Ok(piece);
        }
        if !is_bias && let Some(piece) = self.apart(&name, &shape, "i8 or f8_e4m3")? {
            return Ok(piece);
        }
        let (dtype, archive, range) = self.numbers(&name, &shape)?;
        let data = Span { archive, range };
        Ok(Piece { dtype, layout, shape, data, scales: None, grid: None })
    }

    /// Where a role's rows begin among those of all roles that share a tensor, and how many all
    /// are.
    fn place(&self, role: Role, roles: &[LayerRole]) -> (usize, usize) {
        let Role::Layer(layer, own) = role else {
            unreachable!("only tensors of layers are shared")
        };
        let rows = |&role: &LayerRole| self.spec.layer_shape(layer, role)[0];
        let before = roles.iter().take_while(|&&role| role != own).map(rows).sum();
        (before, roles.iter().map(rows).sum())
    }

    /// Rows of a matrix, or values of a vector, that has other roles' too.
    fn stack(
        &self,
        name: String,
        role: Role,
        shape: &[usize],
        roles: &[LayerRole],
    ) -> Result<Piece, CheckpointError> {
        let (before, all) = self.place(role, roles);
        let (rows, inputs) = (shape[0], &shape[1..]);
        let (dtype, archive, range) = self.numbers(&name, &[&[all], inputs].concat())?;
        // The bytes of so many rows; those of a vector are its values.
        let bytes = |rows: usize| dtype.bytes(rows * inputs.iter().product::<usize>());
        let begin = range.start + bytes(before);
        let data = Span { archive, range: begin..begin + bytes(rows) };
        let (layout, shape) = (Layout::Rows, shape.to_vec());
        Ok(Piece { dtype, layout, shape, data, scales: None, grid: None })
    }

    /// The same of a matrix that is stored by columns, or of a vector.
    fn columns(
        &self,
        name: String,
        role: Role,
        shape: &[usize],
        roles: &[LayerRole],
    ) -> Result<Piece, CheckpointError> {
        let [rows, cols] = *shape else { return self.stack(name, role, shape, roles) };
        let (before, pitch) = self.place(role, roles);
        if let Some(all) = self.apart(&name, &[pitch, cols], "i8")? {
            return Ok(all.rows(before..before + rows));
        }
        let (dtype, archive, range) = self.numbers(&name, &[cols, pitch])?;
        self.check_unblocked(&name, dtype)?;
        // From the first value of the share to its last.
        let begin = range.start + dtype.bytes(before);
        let range = begin..begin + dtype.bytes((cols - 1) * pitch + rows);
        let data = Span { archive, range };
        let layout = Layout::Columns { pitch };
        Ok(Piece { dtype, layout, shape: shape.to_vec(), data, scales: None, grid: None })
    }

    /// Matrices of experts in one tensor, each stored by columns: a piece for each expert.
    fn experts_in_columns(
        &self,
        name: String,
        shape: &[usize],
    ) -> Result<Vec<Piece>, CheckpointError> {
        let (experts, matrix) = of_experts(shape);
        let [rows, cols] = *matrix else { unreachable!("experts have matrices") };
        if let Some(piece) = self.apart(&name, shape, "i8")? {
            return Ok(vec![piece]);
        }
        let (dtype, archive, range) = self.numbers(&name, &[experts, cols, rows])?;
        self.check_unblocked(&name, dtype)?;
        let bytes = dtype.bytes(rows * cols);
        let piece = |expert: usize| {
            let begin = range.start + expert * bytes;
            let data = Span { archive, range: begin..begin + bytes };
            let layout = Layout::Columns { pitch: rows };
            Piece { dtype, layout, shape: matrix.to_vec(), data, scales: None, grid: None }
        };
        Ok((0..experts).map(piece).collect())
    }

    /// Single values cannot be picked from blocks.
    fn check_unblocked(&self, name: &str, dtype: DType) -> Result<(), CheckpointError> {
        if dtype.block_len() == 1 {
            return Ok(());
        }
        let (_, archive, entry) = self.find(name)?;
        Err(wrong_dtype(archive, name, entry, "bf16, f16 or f32"))
    }
}

/// The shape of each of so many tensors whose rows, counted by this axis, make up one of the given
/// shape.
fn share_of_rows(shape: &[usize], axis: usize, tensors: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if tensors > 1 {
        shape[axis] /= tensors;
    }
    shape
}

/// The number of experts of a tensor, and the shape of each one's matrix.
fn of_experts(shape: &[usize]) -> (usize, &[usize]) {
    let [experts, matrix @ ..] = shape else {
        unreachable!("the first dimension of a tensor of experts counts them")
    };
    (*experts, matrix)
}

fn wrong_dtype(
    archive: &Archive,
    tensor: &str,
    entry: &Entry,
    expected: &'static str,
) -> CheckpointError {
    let (file, tensor) = (archive.file.clone(), tensor.to_owned());
    CheckpointError::WrongDtype { file, tensor, found: entry.kind.to_string(), expected }
}

fn check_shape(
    archive: &Archive,
    tensor: &str,
    entry: &Entry,
    expected: &[usize],
) -> Result<(), CheckpointError> {
    if entry.shape == expected {
        return Ok(());
    }
    Err(CheckpointError::WrongShape {
        file: archive.file.clone(),
        tensor: tensor.to_owned(),
        found: entry.shape.clone(),
        expected: expected.to_vec(),
    })
}
