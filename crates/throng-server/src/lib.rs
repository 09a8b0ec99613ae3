//! HTTP to typed requests and back. axum and tokio live here and nowhere below.
//!
//! The way of a request: [`serve`] accepts the connection, `routes` finds the handler, `body`
//! reads what was sent, the endpoint's `request` checks it member by member (`fields`,
//! `sampling`), the engine takes it, and the endpoint's `response` writes the events as one body
//! or, through `sse`, as chunks. A client that goes away drops the stream of events, which
//! cancels the request.

mod api_keys;
mod app;
mod blocking;
mod body;
mod chat_completions;
mod choices;
mod chunk;
mod completions;
mod config;
mod connections;
mod date;
mod detokenize;
mod error;
mod exchange;
mod fields;
mod host;
mod id;
mod json_size;
mod lifecycle;
mod logit_bias;
mod logprobs;
mod metrics;
mod models;
mod openapi;
mod origin;
#[cfg(feature = "otlp")]
mod otlp;
mod outcome;
mod page;
mod patience;
mod rate_limits;
mod request_log;
mod responses;
mod routes;
mod sampling;
mod segment;
mod serve;
mod serving;
mod signals;
mod sse;
mod state;
mod status;
mod stream_options;
mod structured;
mod tenants;
mod tokenize;
mod tool_choice;
mod trace;

pub use api_keys::{ApiKeys, ApiKeysError, KeyFlaw};
pub use app::{App, Defaults, ModelName};
pub use config::{Notice, ResponseLimits, ServerConfig};
pub use connections::ConnectionLimits;
pub use date::Date;
pub use host::{AllowedHost, AllowedHostError};
pub use origin::{Origin, OriginError};
#[cfg(feature = "otlp")]
pub use otlp::{Collector, CollectorError, OtlpError, SpanExporter};
pub use rate_limits::Clock;
pub use request_log::{LogFormat, RequestLog};
pub use serve::{ServeError, run, serve};
pub use structured::constraint;
pub use trace::{AnswerTrace, RequestTrace, TracedTokens, Tracer};
