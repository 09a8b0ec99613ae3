//! What a model is, as pure data: element types, shapes, tensor roles and counts. No I/O.
//!
//! A [`ModelSpec`] is made from a `config.json` by [`ModelSpec::from_config`]; every number in it
//! has been checked, so the crates above may size allocations by it.

mod config;
mod dtype;
mod fields;
mod gpt_oss;
mod model;
mod role;

pub use config::ConfigError;
pub use dtype::DType;
pub use model::{Attention, Heads, Layer, MoE, ModelSpec, Rope, Yarn};
pub use role::{LayerRole, Role};
