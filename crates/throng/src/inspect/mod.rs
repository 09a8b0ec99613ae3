//! Models as tables of numbers, for people and as JSON.

mod json;
mod report;
mod subject;
mod table;
mod text;

pub use json::json;
pub use report::{Report, Setting};
pub use subject::Subject;
pub use table::table;
