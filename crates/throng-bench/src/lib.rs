//! What `throng bench` measures, and how it is summed up.
//!
//! [`Samples`] holds repeated measurements of one quantity and gives their median and spread;
//! [`bar_plot`] draws a curve of such medians in a terminal.

mod plot;
mod statistics;

pub use plot::{Bar, bar_plot};
pub use statistics::Samples;
