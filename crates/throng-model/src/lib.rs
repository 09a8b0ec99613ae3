//! A batch of ragged rows to logits. `decoder.rs` is the file to read.

mod batch;
mod kv;
mod runner;

pub use batch::{Batch, Row};
pub use kv::{BLOCK_TOKENS, BlockId, BlockTables, KvBlocks};
pub use runner::{RunError, Runner};
