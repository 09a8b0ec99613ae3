//! Kernels: flat buffers to flat buffers.
//!
//! [`Backend`] lists the fused operations that a decoder is made of. [`Naive`] computes them with
//! the most obvious loops and is what every other backend is tested against.
//!
//! **The promise.** What an operation computes for one token depends on that token's own inputs
//! alone: not on the other tokens of the call, not on how many threads there are, not on how a
//! prompt was cut into calls. Bit for bit. Kernels keep it by fixing the order of summation of
//! every output: threads and tiles divide outputs, never a sum.

mod arithmetic;
mod backend;
mod blocks;
mod counts;
mod cpu;
mod limits;
mod matrix;
mod meter;
mod metered;
mod mxfp4;
mod naive;
mod operation;
mod placement;
mod quantised;
mod routes;

pub use arithmetic::{Arithmetic, Macs, PerArithmetic};
pub use backend::{Attention, Backend, OutOfMemory, Precision};
pub use counts::{Counted, Kept, Packed};
pub use cpu::{
    Cpu, CpuError, Isa, arithmetic_peaks, kv_pool_bytes, packed_bytes, packed_dtype,
    read_bandwidth, scratch_bytes, stacked_dtypes,
};
pub use limits::{Bound, Limit, Limits};
pub use matrix::{MatrixPart, MatrixSource, RowOrder, decode};
pub use metered::{Metered, Timed, Weighed};
pub use naive::Naive;
pub use operation::{Operation, OperationClock, OperationWork, Work};
pub use placement::{Angles, BLOCK_TOKENS, Placement};
pub use routes::Routes;
