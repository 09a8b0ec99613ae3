//! The tensors of the new folder, from those of the old one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use throng_spec::{DType, Layout, MatrixKind, Quantisation, Role};

use super::report::numbers_as;
use super::tensor::{Content, Matrix, NewTensor, Stored};
use crate::archive::{Archive, Entry, Kind};
use crate::bind::{Piece, Span};
use crate::checkpoint::Checkpoint;
use crate::names::{Form, INVERSE_SCALE, PACKED, SCALE};
use crate::quantization_config::Group;
use crate::scaling::Scaling;
use crate::tensor::Tensor;

/// What becomes of a checkpoint.
pub(super) struct Plan<'a> {
    /// In the order of the spec.
    pub(super) tensors: Vec<NewTensor<'a>>,
    /// What will be quantised then.
    pub(super) groups: Vec<Group>,
    /// Whether MXFP4 is in gpt-oss's own form wherever it is.
    pub(super) is_released: bool,
}

/// A stored tensor, with a role that it plays and the pieces that are its shares.
struct Old<'a> {
    archive: &'a Archive,
    name: &'a str,
    entry: &'a Entry,
    role: Role,
    /// Whether it has the scales of the pieces and not their values.
    is_scales: bool,
    pieces: Vec<&'a Piece>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(checkpoint: &'a Checkpoint, quantisation: Quantisation) -> Self {
        let mut plan = Self { tensors: Vec::new(), groups: Vec::new(), is_released: true };
        for old in stored(checkpoint) {
            let to = quantisation.dtype(checkpoint.spec(), old.role);
            let from = old.pieces[0].dtype;
            let to = to.filter(|&to| to != from);
            if from == DType::Fp8 || MatrixKind::of(checkpoint.spec(), old.role).is_some() {
                plan.note(checkpoint, &old, to.unwrap_or(from));
            }
            let new = match to {
                None => vec![old.copied()],
                // They are among what becomes of the values.
                Some(_) if old.is_scales => Vec::new(),
                Some(to) => old.quantised(checkpoint, to),
            };
            let is_head = old.role == Role::Embedding && checkpoint.spec().tied_head;
            if is_head && to.unwrap_or(from) == DType::Q8_0 {
                plan.share_scales(checkpoint, &new);
            }
            plan.tensors.extend(new);
        }
        plan
    }

    /// Adds the scales of an embedding that is the head too under the head's name: in Python these are
    /// two modules, and each widens the values that they share by scales of its own.
    fn share_scales(&mut self, checkpoint: &Checkpoint, new: &[NewTensor<'a>]) {
        let (start, Form::Rows([name])) = checkpoint.names.form(checkpoint.prefix, Role::Head)
        else {
            return;
        };
        let head = format!("{start}{name}");
        let of_int8 = self.groups.iter_mut().filter(|group| group.dtype == DType::Q8_0);
        let scales = new.iter().find(|tensor| tensor.name.ends_with(SCALE));
        for (group, scales) in of_int8.zip(scales) {
            group.targets.push(target(&head));
            self.tensors.extend(scales.again(format!("{head}{SCALE}")));
        }
    }

    /// Notes what the config has to say of a tensor of this type.
    fn note(&mut self, checkpoint: &Checkpoint, old: &Old<'_>, dtype: DType) {
        if !dtype.is_quantised() {
            return;
        }
        self.is_released &= dtype == DType::Mxfp4 && released(checkpoint, old.role).is_some();
        let scaling = old.scaling().filter(|_| dtype == DType::Fp8);
        let mut groups = self.groups.iter();
        let known = groups.position(|group| (group.dtype, group.scaling) == (dtype, scaling));
        let place = known.unwrap_or_else(|| {
            self.groups.push(Group { dtype, scaling, targets: Vec::new() });
            self.groups.len() - 1
        });
        let (targets, target) = (&mut self.groups[place].targets, target(old.name));
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
}

/// Stored tensors that have a role, each once.
fn stored(checkpoint: &Checkpoint) -> Vec<Old<'_>> {
    let archives = &checkpoint.weights.archives;
    // Where tensors begin, so that a piece's is the last that begins no later. An empty one would
    // hide another that begins at the same place.
    let starts: Vec<BTreeMap<usize, (&str, &Entry)>> = archives
        .iter()
        .map(|archive| {
            let entry = |(name, entry)| (entry_start(entry), (String::as_str(name), entry));
            let entries = archive.entries.iter().filter(|(_, entry)| !entry.range.is_empty());
            entries.map(entry).collect()
        })
        .collect();
    let mut all: Vec<Old<'_>> = Vec::new();
    let mut places: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (role, _) in checkpoint.spec().tensors() {
        for piece in &checkpoint.tensors[&role] {
            let scales = piece.scales.iter().map(|span| (span, true));
            for (span, is_scales) in std::iter::once((&piece.data, false)).chain(scales) {
                let (start, (name, entry)) = at(&starts[span.archive], span);
                let place = *places.entry((span.archive, start)).or_insert(all.len());
                if place == all.len() {
                    let archive = &archives[span.archive];
                    all.push(Old { archive, name, entry, role, is_scales, pieces: Vec::new() });
                }
                all[place].pieces.push(piece);
            }
        }
    }
    // As they lie in the stored tensor: first shares of columns begin first.
    all.iter_mut().for_each(|old| old.pieces.sort_by_key(|piece| piece.data.range.start));
    all
}

fn entry_start(entry: &Entry) -> usize {
    entry.range.start
}

/// The tensor that a span is in.
fn at<'a>(
    starts: &BTreeMap<usize, (&'a str, &'a Entry)>,
    span: &Span,
) -> (usize, (&'a str, &'a Entry)) {
    let (&start, &tensor) =
        starts.range(..=span.range.start).next_back().expect("pieces lie in tensors");
    (start, tensor)
}

/// What gpt-oss's releases call the nibbles and the scales of a role.
fn released(checkpoint: &Checkpoint, role: Role) -> Option<[String; 2]> {
    match checkpoint.names.form(checkpoint.prefix, role) {
        (start, Form::Mxfp4(blocks, scales, _)) => {
            Some([blocks, scales].map(|end| format!("{start}{end}")))
        }
        _ => None,
    }
}

/// A pattern for the modules that a tensor's belongs to, as compressed-tensors has patterns.
fn target(name: &str) -> String {
    let ends = [".weight", "_blocks", "_scales"];
    let end = ends.iter().filter_map(|end| name.find(end)).min().unwrap_or(name.len());
    let module = name[..end].replace('.', "\\.");
    format!("re:^{}$", numbers_as(&module, "\\.", "\\d+"))
}

impl<'a> Old<'a> {
    fn stored(&self, rows: usize) -> Stored<'a> {
        Stored::new(&self.archive.bytes, self.entry.range.clone(), rows)
    }

    /// Which values share a scale, if it is in FP8 or the scales of such a tensor.
    fn scaling(&self) -> Option<Scaling> {
        let piece = self.pieces[0];
        let &[rows, cols] = &piece.shape[..] else { return None };
        piece.grid.map(|grid| Scaling::of(grid, [rows, cols]))
    }

    /// Its name and shape; those of FP8's scales as compressed-tensors has them.
    fn name_and_shape(&self) -> (String, Vec<usize>) {
        match (self.scaling(), &self.pieces[0].shape[..]) {
            (Some(scaling), &[rows, cols]) if self.is_scales => {
                let matrix = self.name.trim_end_matches(INVERSE_SCALE).trim_end_matches(SCALE);
                (format!("{matrix}{SCALE}"), scaling.shape([rows, cols]))
            }
            _ => (self.name.to_owned(), self.entry.shape.clone()),
        }
    }

    /// The same tensor.
    fn copied(&self) -> NewTensor<'a> {
        let dtype = match self.entry.kind {
            Kind::Numbers(DType::F32) => ("F32", 4),
            Kind::Numbers(DType::F16) => ("F16", 2),
            Kind::Numbers(_) => ("BF16", 2),
            Kind::Integers => ("I8", 1),
            Kind::Floats => ("F8_E4M3", 1),
            Kind::Bytes | Kind::Other(_) => ("U8", 1),
        };
        let (name, shape) = self.name_and_shape();
        let rows: usize = shape.split_last().map_or(1, |(_, outer)| outer.iter().product());
        let bytes = &self.archive.bytes[self.entry.range.clone()];
        NewTensor {
            name,
            stored_name: self.name,
            shape,
            dtype,
            rows,
            row_bytes: bytes.len() / rows.max(1),
            content: Content::Copied(bytes),
            stored: self.stored(rows),
        }
    }

    /// The tensors that it becomes.
    fn quantised(&self, checkpoint: &'a Checkpoint, to: DType) -> Vec<NewTensor<'a>> {
        if !to.is_quantised() {
            return vec![self.unblocked(checkpoint, to)];
        }
        let mut shape = self.entry.shape.clone();
        let last = shape.len() - 1;
        if matches!(self.pieces[0].layout, Layout::Columns { .. }) {
            shape.swap(last - 1, last);
        }
        let cols = shape[last];
        let rows = shape.iter().product::<usize>() / cols;
        let parts = self.pieces.iter().map(|piece| checkpoint.piece(piece)).collect();
        let matrix = Matrix { parts, cols, to };
        let blocks = cols / to.block_len();
        let value_bytes = blocks * (to.block_bytes() - to.scale_bytes());
        let tensor = |name: &str, end: &str, last: &[usize], dtype, row_bytes, content| NewTensor {
            name: format!("{name}{end}"),
            stored_name: self.name,
            shape: [&shape[..shape.len() - 1], last].concat(),
            dtype,
            rows,
            row_bytes,
            content,
            stored: self.stored(rows),
        };
        let values = Content::Values(matrix.clone(), Mutex::default());
        let scales = Content::Scales(matrix);
        let name = self.name;
        match (to, released(checkpoint, self.role)) {
            (DType::Mxfp4, Some([block_name, scale_name])) => {
                let shape = [blocks, value_bytes / blocks];
                let values = tensor(&block_name, "", &shape, ("U8", 1), value_bytes, values);
                vec![values, tensor(&scale_name, "", &[blocks], ("U8", 1), blocks, scales)]
            }
            (DType::Mxfp4, None) => {
                let shape = [value_bytes];
                let values = tensor(name, PACKED, &shape, ("U8", 1), value_bytes, values);
                vec![values, tensor(name, SCALE, &[blocks], ("U8", 1), blocks, scales)]
            }
            _ => {
                let values = tensor(name, "", &[cols], ("I8", 1), value_bytes, values);
                let bytes = blocks * to.scale_bytes();
                vec![values, tensor(name, SCALE, &[blocks], ("F16", 2), bytes, scales)]
            }
        }
    }

    /// The same tensor in a type without blocks: number by number, in the order that it has.
    fn unblocked(&self, checkpoint: &'a Checkpoint, to: DType) -> NewTensor<'a> {
        let shape = &self.entry.shape;
        let cols = shape.last().copied().unwrap_or(1);
        let rows = shape.iter().product::<usize>() / cols;
        let (dtype, layout) = (self.pieces[0].dtype, Layout::Rows);
        let data = &self.archive.bytes[self.entry.range.clone()];
        let parts = match self.pieces[0].grid {
            Some(_) => vec![checkpoint.piece(self.pieces[0])],
            None => vec![Tensor { dtype, layout, shape, data, scales: &[], grid: None }],
        };
        NewTensor {
            name: self.name.to_owned(),
            stored_name: self.name,
            shape: shape.clone(),
            dtype: ("BF16", 2),
            rows,
            row_bytes: to.bytes(cols),
            content: Content::Values(Matrix { parts, cols, to }, Mutex::default()),
            stored: self.stored(rows),
        }
    }
}
