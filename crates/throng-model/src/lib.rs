//! A batch of ragged rows to logits. `decoder.rs` is the file to read.
//!
//! [`load`] packs a checkpoint's weights for the machine and returns a [`Runner`], the one door
//! from the engine to the maths; [`Batch`] is what goes in. Beside the decoder, `weights` binds
//! tensors to their roles (whatever is odd about a file ends there), `step` flattens a batch for
//! the kernels and `kv_cache` holds the keys and values.

mod batch;
mod decoder;
mod kv;
mod kv_cache;
mod load;
mod norm;
mod plan;
mod rope;
mod runner;
mod step;
mod weights;
mod workspace;

pub use batch::{Batch, Row};
pub use kv::{BLOCK_TOKENS, BlockId, BlockTables, KvBlocks};
pub use load::{LoadError, LoadOptions, Progress, default_precision, load, load_with};
pub use plan::{MemoryPlan, PlanOptions, kept, stored};
pub use runner::{RunError, Runner};
pub use throng_ops::{CpuError, Isa, Naive, Precision};
pub use throng_spec::KvDtype;
