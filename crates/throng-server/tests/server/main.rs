//! The server over real sockets, with a scripted model behind it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a failed test")]

mod chat_completions;
mod choices;
mod completions;
mod crowd;
mod deadlines;
mod door;
mod errors;
mod hostile;
mod lifecycle;
mod limits;
mod logits;
mod metrics;
mod openapi;
mod other_routes;
mod parameters;
mod prediction;
mod random;
mod rate_limits;
mod requests;
mod responses;
mod responses_background;
mod responses_refusals;
mod responses_store;
mod responses_tools;
mod speculation;
mod structured;
mod support;
mod tagged;
mod tenants;
mod tokens;
mod tools;
mod traces;
