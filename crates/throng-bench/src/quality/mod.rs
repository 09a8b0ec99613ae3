//! How well a model predicts a text, and how far its predictions are from a reference's.
//!
//! [`measure_quality`] reads [`Document`]s in [`Windows`] through one model or two side by side, a
//! chunk at a time, so that no more than a chunk's logits are ever held. [`Reader`] is how any text
//! goes through a model chunk by chunk.

mod distribution;
mod measure;
mod reader;
#[cfg(test)]
mod tests;
mod windows;

pub use measure::{Agreement, Quality, QualityError, QualityPlan, measure_quality};
pub use reader::{ReadError, Reader};
pub use windows::{Document, Windows};
