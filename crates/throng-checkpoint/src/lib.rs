//! Files to a `ModelSpec` and named bytes. A [`Checkpoint`] is a folder of safetensors, named as
//! `transformers` names them or as OpenAI does in `original/`, or a GGUF file; memory-mapped or
//! embedded in the binary. Nothing after it knows which.

mod archive;
mod bind;
mod chat_template;
mod checkpoint;
mod error;
mod files;
mod generation;
mod gguf;
mod mmap;
mod names;
mod parts;
pub mod quantised;
mod quantization_config;
mod released;
mod safetensors;
mod scaling;
pub mod synth;
mod tensor;
mod weights;
mod writing;

pub use chat_template::ChatTemplate;
pub use checkpoint::Checkpoint;
pub use error::CheckpointError;
pub use generation::Generation;
pub use tensor::Tensor;
pub use writing::{MAX_SHARD_BYTES, WriteError, WriteOptions};
