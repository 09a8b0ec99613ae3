//! Token ids to token ids: who runs in the next step, where keys and values live, which token
//! comes next. One plain thread; no text, no JSON, no tensors, no clock in the bookkeeping.

mod cache;
mod config;
mod constraint;
mod drafts;
mod engine;
mod event;
mod fit;
mod intake;
mod kv_plan;
mod origin;
mod penalties;
mod queue;
mod request;
mod sampler;
mod scheduler;
mod sequence;
mod speculation;
mod stats;
mod stream;
mod tenants;
mod worker;

pub use config::EngineConfig;
pub use constraint::{Constraint, ConstraintError, ConstraintState};
pub use drafts::Drafts;
pub use engine::{Engine, StartError};
pub use event::{Event, FinishReason, TokenLogprobs, Usage};
pub use fit::{KvRoom, Sizing, Verdict};
pub use intake::SubmitError;
pub use penalties::{Occurrences, Penalties};
pub use request::{InvalidSampling, Limits, Logprobs, Request, Sampling, Tenant};
pub use sampler::{Choice, Chosen, History, Job, Sampler, logprobs};
pub use scheduler::{DraftStep, KvCacheTooSmall, Scheduler, Step};
pub use speculation::{ByMethod, DraftMismatch, Drafter, Method, Ngram, Prediction, Speculation};
pub use stats::{DraftStats, Finished, Histogram, PoolStats, SpeculationStats, Stats, TenantStats};
pub use stream::{Canceller, EventStream};
