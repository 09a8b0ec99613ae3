//! `throng bench`: how fast is it here?

mod json;
mod offline;
mod profile;
mod progress;
mod text;

use anyhow::Result;

use crate::args::BenchArgs;

/// Measures, and prints what came out.
///
/// # Errors
/// The model cannot be loaded or has no room for what is measured, or standard output is gone.
pub fn run(args: &BenchArgs) -> Result<()> {
    offline::run(&args.offline)
}
