//! Token ids to token ids: who runs in the next step, where keys and values live, which token
//! comes next. One plain thread; no text, no JSON, no tensors, no clock in the bookkeeping.

mod engine;
mod event;
mod request;

pub use engine::{Engine, EngineConfig, EventStream, SubmitError};
pub use event::{Event, FinishReason, TokenLogprobs, Usage};
pub use request::{Limits, Logprobs, Request, Sampling};
