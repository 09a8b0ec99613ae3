//! What fetches from the hub into its cache, and with it HTTP, TLS and checksums.

mod checksum;
mod client;
mod download;
mod event;
mod hub;
mod listing;
mod part;
mod patience;
mod pattern;
mod plan;
mod refusal;
mod url;

pub use checksum::Checksum;
pub use event::Event;
pub use hub::Hub;
pub use plan::{Plan, PlannedFile};
