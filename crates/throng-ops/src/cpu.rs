//! The fast backend.

mod isa;

pub use isa::{CpuError, Isa};
