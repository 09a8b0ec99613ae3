//! What can be wrong with a checkpoint, and the way out of it.

use std::io::ErrorKind;

use throng_spec::ConfigError;

/// A checkpoint that cannot be used. Each message is one line; [`CheckpointError::hint`] has a
/// second one where there is a way out.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Nothing has this path.
    #[error("no model at {folder}: there is no such file or folder")]
    NoFolder {
        /// The path asked for.
        folder: String,
    },
    /// The path is some other file's.
    #[error("{path} is neither a folder nor named as a GGUF file")]
    NotAModel {
        /// The path asked for.
        path: String,
    },
    /// A file that every checkpoint has.
    #[error("{file} is missing")]
    MissingFile {
        /// Path of the file.
        file: String,
    },
    /// The operating system would not give us the file.
    #[error("cannot read {file}: {source}")]
    Io {
        /// Path of the file.
        file: String,
        /// Its words.
        source: std::io::Error,
    },
    /// Larger than any honest file of this kind.
    #[error("{file} has {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// Path of the file.
        file: String,
        /// Its size.
        bytes: u64,
        /// The most that is read.
        limit: u64,
    },
    /// Not JSON.
    #[error("{file} is not valid JSON: {source}")]
    Json {
        /// Path of the file.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// `config.json` describes no model that can be run.
    #[error("{file}: {source}")]
    Config {
        /// Path of the file.
        file: String,
        /// Key, found and expected.
        source: ConfigError,
    },
    /// Another JSON file holds a value that cannot be used.
    #[error("{file}: {key} is {found}, expected {expected}")]
    Invalid {
        /// Path of the file.
        file: String,
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// Weights that are quantised in a way that cannot be read.
    #[error("{file}: {key} is {found}, expected {expected}")]
    Quantisation {
        /// Path of the file.
        file: String,
        /// The key.
        key: String,
        /// What is there.
        found: String,
        /// What can be read.
        expected: &'static str,
    },
    /// A git-lfs pointer stands where the file should be.
    #[error("{file} is a git-lfs pointer, not the file itself")]
    LfsPointer {
        /// Path of the file.
        file: String,
    },
    /// The file ends early.
    #[error("{file} is truncated: it has {found} bytes, its header describes {expected}")]
    Truncated {
        /// Path of the file.
        file: String,
        /// Its size in bytes.
        found: u64,
        /// The size that its header describes.
        expected: u64,
    },
    /// The header of a weight file makes no sense.
    #[error("{file} is not a sound {format} file: {reason}")]
    Corrupt {
        /// Path of the file.
        file: String,
        /// Safetensors or GGUF.
        format: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The model needs a tensor that is not there.
    #[error("{file} has no tensor {tensor}")]
    MissingTensor {
        /// Path of the file that should have it.
        file: String,
        /// The stored name.
        tensor: String,
    },
    /// A tensor that the model has no use for.
    #[error("{file} has a tensor {tensor} that the model does not")]
    StrayTensor {
        /// Path of the file.
        file: String,
        /// The stored name.
        tensor: String,
    },
    /// A tensor that two of a model's files have.
    #[error("tensor {tensor} is in {first} and in {second}")]
    DuplicateTensor {
        /// The stored name.
        tensor: String,
        /// Path of a file that has it.
        first: String,
        /// Path of the other.
        second: String,
    },
    /// A GGUF file of an architecture that cannot be run.
    #[error("{file}: general.architecture is {found}, supported: {supported}")]
    UnknownArchitecture {
        /// Path of the file.
        file: String,
        /// What is there.
        found: String,
        /// The names that are known, separated by commas.
        supported: String,
    },
    /// A folder with more than one model.
    #[error("{folder} has several models: {models}")]
    SeveralModels {
        /// The path asked for.
        folder: String,
        /// Their files.
        models: String,
    },
    /// An element type that this tensor cannot have.
    #[error("{file}: tensor {tensor} has dtype {found}, expected {expected}")]
    WrongDtype {
        /// Path of the file.
        file: String,
        /// The stored name.
        tensor: String,
        /// Its element type.
        found: String,
        /// What it can be.
        expected: &'static str,
    },
    /// Blocks that do not make up rows.
    #[error("{file}: tensor {tensor} is of blocks of {block} values, rows have {found}")]
    PartialBlock {
        /// Path of the file.
        file: String,
        /// The stored name of the scales.
        tensor: String,
        /// Values of a row, as `config.json` has it.
        found: usize,
        /// Values of a block.
        block: usize,
    },
    /// Scales whose shape is that of no form that `config.json` names.
    #[error("{file}: tensor {tensor} has shape {found:?}, expected {expected}")]
    WrongScales {
        /// Path of the file.
        file: String,
        /// The stored name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shapes that `quantization_config` and the matrix ask for.
        expected: String,
    },
    /// Scales whose shape is that of several forms that `config.json` names.
    #[error(
        "{file}: tensor {tensor} of shape {found:?} may have a scale for each {first:?} or for each \
         {second:?} of rows and columns"
    )]
    AmbiguousScales {
        /// Path of the file.
        file: String,
        /// The stored name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// Rows and columns of the values that share a scale, in one form.
        first: [usize; 2],
        /// The same in another.
        second: [usize; 2],
    },
    /// A scale that is no number.
    #[error("{file}: scale {index} of tensor {tensor} is {found}, expected finite numbers")]
    NotFinite {
        /// Path of the file.
        file: String,
        /// The stored name.
        tensor: String,
        /// Which one, in the order of the file.
        index: usize,
        /// NaN or an infinity.
        found: f32,
    },
    /// A shape that does not follow from `config.json`.
    #[error("{file}: tensor {tensor} has shape {found:?}, expected {expected:?}")]
    WrongShape {
        /// Path of the file.
        file: String,
        /// The stored name.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that `config.json` asks for.
        expected: Vec<usize>,
    },
}

impl CheckpointError {
    /// What to do about it, as one sentence, where something can be done.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoFolder { .. } | Self::NotAModel { .. } | Self::MissingFile { .. } => {
                "a model is a GGUF file, or a folder with config.json, tokenizer.json and \
                 model.safetensors (or its shards with model.safetensors.index.json)"
            }
            Self::LfsPointer { .. } => "run `git lfs pull` in the model's folder",
            Self::TooLarge { .. } | Self::Truncated { .. } | Self::Corrupt { .. } => {
                "the download may have been cut short: fetch the file again"
            }
            Self::Quantisation { .. } => {
                "FP8 (E4M3), and INT8 and MXFP4 in groups of 32, can be read; so can most models as they \
                 were before they were quantised, and --quantize makes those smaller"
            }
            Self::SeveralModels { .. } => "name one of the files",
            Self::UnknownArchitecture { .. }
            | Self::Config { source: ConfigError::UnknownArchitecture { .. }, .. } => {
                "only the architectures listed can be run"
            }
            Self::WrongDtype { .. } => {
                "the same model in one of those types can be run: most are published in several"
            }
            Self::WrongScales { .. } => {
                "FP8 weights have a scale for each tensor, channel, group or block, as \
                 quantization_config in config.json says: take all files from one release again"
            }
            Self::AmbiguousScales { .. } => {
                "quantization_config in config.json must have only the form that the scales are of"
            }
            Self::NotFinite { .. } => {
                "whoever made the file did not notice: the same model in bf16 can be run"
            }
            Self::MissingTensor { .. }
            | Self::StrayTensor { .. }
            | Self::DuplicateTensor { .. }
            | Self::PartialBlock { .. }
            | Self::WrongShape { .. } => {
                "the tensors must be those of the model that config.json, or a GGUF file's own \
                 metadata, describe: take all files from one release again"
            }
            Self::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                "whoever runs this must be allowed to read it"
            }
            Self::Io { .. } | Self::Json { .. } | Self::Config { .. } | Self::Invalid { .. } => {
                return None;
            }
        })
    }
}
