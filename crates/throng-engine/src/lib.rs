//! Token ids to token ids: who runs in the next step, where keys and values live, which token
//! comes next. One plain thread; no text, no JSON, no tensors, no clock in the bookkeeping.

mod block_pool;
mod engine;
mod event;
mod fit;
mod kv_plan;
mod request;
mod sampler;
mod scheduler;
mod sequence;
mod worker;

pub use engine::{Canceller, Engine, EngineConfig, EventStream, StartError, SubmitError};
pub use event::{Event, FinishReason, TokenLogprobs, Usage};
pub use fit::{KvRoom, Sizing, Verdict};
pub use request::{InvalidSampling, Limits, Logprobs, Request, Sampling};
pub use sampler::logprobs;
