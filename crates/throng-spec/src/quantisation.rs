//! Which matrices of a model are quantised, and to what.

use std::fmt;
use std::str::FromStr;

use crate::dtype::DType;
use crate::model::ModelSpec;
use crate::role::{LayerRole, Role};
use crate::stored::Stored;

/// What weights can be quantised to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightType {
    /// 16 bits: smaller than f32, and as it is for what has 16 bits.
    Bf16,
    /// 8-bit integers in blocks of 32 that share an f16: [`DType::Q8_0`], 8.5 bits a weight.
    Int8,
    /// [`DType::Mxfp4`], 4.25 bits a weight.
    Mxfp4,
}

impl WeightType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bf16, Self::Int8, Self::Mxfp4];

    /// The name used in arguments and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
            Self::Mxfp4 => "mxfp4",
        }
    }

    /// How such weights are stored and kept.
    pub const fn dtype(self) -> DType {
        match self {
            Self::Bf16 => DType::Bf16,
            Self::Int8 => DType::Q8_0,
            Self::Mxfp4 => DType::Mxfp4,
        }
    }
}

/// Matrices that are quantised alike. Embeddings that are only looked up in, routers, norms, biases
/// and sinks are of no kind: they stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixKind {
    /// Projections of queries, keys, values and the output of attention.
    Attention,
    /// Hidden state to logits: the head, or the embedding where that is the head too.
    Head,
    /// The MLPs, one for all tokens or a mixture's experts.
    Experts,
}

impl MatrixKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Attention, Self::Head, Self::Experts];

    /// The name used in arguments and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Head => "head",
            Self::Experts => "experts",
        }
    }

    /// The kind of a tensor, if it is of one.
    pub const fn of(spec: &ModelSpec, role: Role) -> Option<Self> {
        use LayerRole::{DenseDown, DenseUp, Down, GateUp, Key, Output, Query, Value};
        match role {
            Role::Head => Some(Self::Head),
            Role::Embedding if spec.tied_head => Some(Self::Head),
            Role::Layer(_, Query | Key | Value | Output) => Some(Self::Attention),
            Role::Layer(_, GateUp | Down | DenseUp | DenseDown) => Some(Self::Experts),
            _ => None,
        }
    }
}

/// What is asked for, before a model is known. As text `int8`, or `attention=int8,head=int8`, or
/// both: a type alone is for all kinds that are not named and not quantised yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuantisationRequest {
    /// For each kind that is named, in the order of [`MatrixKind::ALL`].
    pub kinds: [Option<WeightType>; MatrixKind::ALL.len()],
    /// For those that are not and that no stored type has quantised.
    pub others: Option<WeightType>,
}

/// What the matrices of a model are quantised to, those of each kind alike. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quantisation([Option<WeightType>; MatrixKind::ALL.len()]);

/// A quantisation that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantisationError {
    /// Not the name of a type.
    #[error("{found:?} is no type to quantise to: bf16, int8 and mxfp4 are")]
    UnknownType {
        /// What is there.
        found: String,
    },
    /// A type that is read and not offered; see `bench/README.md` for the figures.
    #[error(
        "weights are not quantised to fp8: it has int8's bytes, over ten times its divergence, and \
         is no faster; int8 is the type to take"
    )]
    Fp8,
    /// Not the name of a kind.
    #[error("{found:?} is no kind of matrices: attention, head and experts are")]
    UnknownKind {
        /// What is there.
        found: String,
    },
    /// Two types for the same matrices.
    #[error("{of} has two types")]
    Twice {
        /// The kind, or `all`.
        of: &'static str,
    },
    /// Quantised weights would be quantised again.
    #[error("{kind} cannot be quantised to {to}: stored as {found}, quantised already")]
    Already {
        /// The matrices.
        kind: &'static str,
        /// What is asked for.
        to: &'static str,
        /// How they are stored.
        found: DType,
    },
    /// All that could be quantised is.
    #[error("nothing is left to be quantised to {to}: attention, head and experts are already")]
    Nothing {
        /// What is asked for.
        to: &'static str,
    },
    /// Rows that are no whole number of blocks.
    #[error("{kind} cannot be quantised to {to}: rows have {found} values, no multiple of {block}")]
    RowLength {
        /// The matrices.
        kind: &'static str,
        /// What is asked for.
        to: &'static str,
        /// Values of a row.
        found: usize,
        /// Values of a block.
        block: usize,
    },
}

impl QuantisationError {
    /// What to do about it, as one sentence.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::UnknownType { .. } | Self::UnknownKind { .. } | Self::Twice { .. } => {
                "a type such as int8, or types by kind such as attention=int8,head=int8,experts=mxfp4"
            }
            Self::Fp8 => "take int8; checkpoints that are in fp8 already can be read as they are",
            Self::Already { .. } | Self::Nothing { .. } => {
                "quantising twice only adds errors: leave it out, or take the model in bf16"
            }
            Self::RowLength { .. } => "leave those matrices as they are: name only other kinds",
        }
    }
}

impl FromStr for WeightType {
    type Err = QuantisationError;

    fn from_str(name: &str) -> Result<Self, QuantisationError> {
        let found = Self::ALL.into_iter().find(|each| each.name() == name);
        found.ok_or_else(|| match name {
            _ if name == DType::Fp8.name() => QuantisationError::Fp8,
            _ => QuantisationError::UnknownType { found: quoted(name) },
        })
    }
}

impl FromStr for QuantisationRequest {
    type Err = QuantisationError;

    fn from_str(text: &str) -> Result<Self, QuantisationError> {
        let mut request = Self::default();
        for item in text.split(',') {
            let (place, of, to) = match item.split_once('=') {
                None => (&mut request.others, "all", item),
                Some((kind, to)) => {
                    let index = MatrixKind::ALL.into_iter().position(|each| each.name() == kind);
                    let unknown = || QuantisationError::UnknownKind { found: quoted(kind) };
                    let index = index.ok_or_else(unknown)?;
                    (&mut request.kinds[index], MatrixKind::ALL[index].name(), to)
                }
            };
            if place.replace(to.parse()?).is_some() {
                return Err(QuantisationError::Twice { of });
            }
        }
        Ok(request)
    }
}

/// As much of a text as a message quotes.
fn quoted(text: &str) -> String {
    text.chars().take(40).collect()
}

impl QuantisationRequest {
    /// What becomes of a model whose tensors are stored as `tensors` says.
    ///
    /// # Errors
    /// Something named is quantised already, nothing is left to be, or rows have no whole blocks.
    pub fn resolve(
        &self,
        spec: &ModelSpec,
        tensors: &[Stored],
    ) -> Result<Quantisation, QuantisationError> {
        let mut types = self.kinds;
        for (kind, to) in MatrixKind::ALL.into_iter().zip(&mut types) {
            let mut stored =
                tensors.iter().filter(|tensor| MatrixKind::of(spec, tensor.role) == Some(kind));
            let quantised = stored.find(|tensor| tensor.dtype.has_blocks());
            match (*to, quantised) {
                (Some(to), Some(tensor)) => {
                    let (kind, found) = (kind.name(), tensor.dtype);
                    return Err(QuantisationError::Already { kind, to: to.name(), found });
                }
                (None, None) => *to = self.others,
                _ => {}
            }
        }
        if let (Some(to), [None, None, None]) = (self.others, types) {
            return Err(QuantisationError::Nothing { to: to.name() });
        }
        let quantisation = Quantisation(types);
        quantisation.check(spec)?;
        Ok(quantisation)
    }
}

impl Quantisation {
    /// What a kind is quantised to.
    pub const fn of(&self, kind: MatrixKind) -> Option<WeightType> {
        self.0[kind as usize]
    }

    /// Whether nothing is quantised.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How a role's tensor is kept, if it is quantised.
    pub fn dtype(&self, spec: &ModelSpec, role: Role) -> Option<DType> {
        Some(self.of(MatrixKind::of(spec, role)?)?.dtype())
    }

    /// Tensors as they are once they are quantised.
    pub fn apply(&self, spec: &ModelSpec, tensors: &[Stored]) -> Vec<Stored> {
        let quantised = |tensor: &Stored| match self.dtype(spec, tensor.role) {
            Some(dtype) => Stored { dtype, scale_bytes: 0, ..*tensor },
            None => *tensor,
        };
        tensors.iter().map(quantised).collect()
    }

    fn check(&self, spec: &ModelSpec) -> Result<(), QuantisationError> {
        for (role, shape) in spec.tensors() {
            let Some(kind) = MatrixKind::of(spec, role) else { continue };
            let (Some(to), Some(&found)) = (self.of(kind), shape.last()) else { continue };
            let block = to.dtype().block_len();
            if !found.is_multiple_of(block) {
                let (kind, to) = (kind.name(), to.name());
                return Err(QuantisationError::RowLength { kind, to, found, block });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Quantisation {
    /// Such as `int8 attention, int8 head`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = MatrixKind::ALL.into_iter().zip(self.0);
        let named = named.filter_map(|(kind, to)| Some(format!("{} {}", to?.name(), kind.name())));
        f.write_str(&named.collect::<Vec<_>>().join(", "))
    }
}
