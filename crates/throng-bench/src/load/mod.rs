//! Load on an OpenAI-compatible server, this one or another: what clients see of it.
//!
//! [`Session::level`] measures a level of load, [`Session::talk`] what a cache of prefixes
//! saves, [`Session::share`] what one tenant feels of another, [`Session::soak`] whether anything
//! is left of clients who misbehave. All are seeded: the same seed asks the same. Who asks are plain threads: each waits for a socket
//! nearly all the time.

mod answer;
mod chart;
mod chunk;
mod client;
mod conversations;
mod crew;
mod error;
mod exchange;
mod failure;
mod fairness;
mod gauges;
mod level;
mod process;
mod prompt;
mod random;
mod session;
mod soak;
mod soak_table;
mod sse;
mod summary;
mod svg;
mod table;
mod talk_table;
mod target;
mod units;
mod workload;

pub use chunk::Usage;
pub use client::Client;
pub use conversations::{Conversations, Talk, Turn};
pub use error::LoadError;
pub use exchange::{Exchange, Outcome};
pub use failure::Failure;
pub use fairness::{Fairness, Shares};
pub use gauges::Gauges;
pub use level::{Level, Load};
pub use process::Process;
pub use session::Session;
pub use soak::{Ends, Endurance, Look, Soak};
pub use summary::Summary;
pub use svg::svg;
pub use table::{bars, table};
pub use target::{ApiKey, Endpoint, Url};
pub use units::seconds;
pub use workload::Workload;

#[cfg(test)]
mod tests;
