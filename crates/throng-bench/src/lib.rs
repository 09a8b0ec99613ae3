//! What `throng bench` measures, and how it is summed up.
//!
//! [`measure_offline`] times a model's steps on batches that it makes itself; [`profile_prompts`]
//! and [`profile_steps`] say what the time of a step goes to, scheduling and sampling included, and
//! [`Roofline`] sets that against what the machine could do. [`Samples`] holds repeated measurements
//! of one quantity and gives their median and spread; [`table`] and [`bar_plot`] bring such medians
//! to a terminal. [`measure_quality`] says how well a model predicts a text, alone or beside a reference.

mod crowd;
#[cfg(feature = "load")]
mod exposition;
#[cfg(feature = "load")]
pub mod live;
#[cfg(feature = "load")]
pub mod load;
mod offline;
mod plot;
#[cfg(feature = "load")]
mod printable;
mod profile;
mod quality;
mod roofline;
mod statistics;
mod table;

pub use offline::{Case, Measurement, OfflineError, OfflinePlan, Watch, measure_offline};
pub use plot::{Bar, bar_plot};
pub use profile::{StepProfile, profile_prompts, profile_steps};
pub use quality::{
    Agreement, Document, Quality, QualityError, QualityPlan, ReadError, Reader, Windows,
    measure_quality,
};
pub use roofline::{Part, Roofline, Verdict};
pub use statistics::Samples;
pub use table::table;
