//! What a model is, as pure data: element types, shapes, tensor roles and counts. No I/O.
//!
//! A [`ModelSpec`] is made from a `config.json` by [`ModelSpec::from_config`]; every number in it
//! has been checked, so the crates above may size allocations by it. [`builtin`] has the configs of
//! released models by name, [`byte_level`] the alphabet of their vocabularies.

pub mod builtin;
pub mod byte_level;
mod config;
mod counts;
mod dtype;
pub mod e4m3;
mod fields;
mod gpt2;
mod gpt_oss;
mod kv_dtype;
mod layer_types;
mod layout;
mod llama;
mod mlp;
mod model;
mod quantisation;
mod quantise;
mod qwen3;
mod qwen3_moe;
mod role;
mod rope;
mod scale_grid;
mod stored;
mod traffic;

pub use config::ConfigError;
pub use counts::{KvBytes, Parameters, Part, distinct_experts};
pub use dtype::DType;
pub use kv_dtype::KvDtype;
pub use layout::Layout;
pub use mlp::{Activation, Mixture, Mlp, Weighting};
pub use model::{Attention, Biases, Heads, Layer, ModelSpec, Norm, Positions};
pub use quantisation::{
    MatrixKind, Quantisation, QuantisationError, QuantisationRequest, WeightType,
};
pub use quantise::{Deviation, quantise};
pub use role::{LayerRole, Role};
pub use rope::{Llama3, Rope, RopeScaling, Yarn};
pub use scale_grid::ScaleGrid;
pub use stored::{Stored, bytes_by_dtype};
pub use traffic::StepBytes;
