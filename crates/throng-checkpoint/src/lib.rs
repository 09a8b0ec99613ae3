//! Files to a `ModelSpec` and named bytes. A [`Checkpoint`] is either a folder in the released
//! layout, memory-mapped, or the same files embedded in the binary; nothing after it knows which.

mod archive;
mod bind;
mod chat_template;
mod checkpoint;
mod error;
mod files;
mod generation;
mod mmap;
mod names;
mod tensor;
mod weights;

pub use chat_template::ChatTemplate;
pub use checkpoint::Checkpoint;
pub use error::CheckpointError;
pub use generation::Generation;
pub use tensor::Tensor;
