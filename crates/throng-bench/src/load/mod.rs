//! Load on an OpenAI-compatible server, this one or another: what clients see of it.
//!
//! [`Session::level`] measures a level of load, [`Session::talk`] what a cache of prefixes saves.
//! All are seeded: the same seed asks the same. Who asks are plain threads: each waits for a socket
//! nearly all the time.

mod chunk;
mod client;
mod conversations;
mod crew;
mod error;
mod exchange;
mod failure;
mod level;
mod prompt;
mod random;
mod session;
mod sse;
mod summary;
mod table;
mod target;
mod units;
mod workload;

pub use chunk::Usage;
pub use client::Client;
pub use conversations::{Conversations, Talk, Turn};
pub use error::LoadError;
pub use exchange::{Exchange, Outcome};
pub use failure::Failure;
pub use level::{Level, Load};
pub use session::Session;
pub use summary::Summary;
pub use table::{bars, table};
pub use target::{ApiKey, Endpoint, Url};
pub use workload::Workload;
