//! A running server, watched: what it says of itself from moment to moment, and what follows.
//!
//! A [`Watcher`] asks the server, and reads its metrics into a [`Snapshot`]; a [`History`] keeps
//! those of the last minute; a [`View`] is what they come to: rates, shares, percentiles. Names are
//! throng's and vLLM's, which are the same behind the prefix; what a server does not say is `None`.
//! Everything it says is a stranger's: sizes are bounded, numbers are finite and not negative, and
//! texts have nothing in them that a terminal would obey.

mod distribution;
mod history;
mod snapshot;
mod speculation;
mod view;
mod watcher;

pub use distribution::{Distribution, Quantile};
pub use history::History;
pub use snapshot::{Outcome, Pool, Snapshot, TenantCounts};
pub use speculation::{Speculation, SpeculationCounts};
pub use view::{Latency, Memory, TenantView, View};
pub use watcher::{Facts, Sight, Watcher};

#[cfg(test)]
mod tests;
