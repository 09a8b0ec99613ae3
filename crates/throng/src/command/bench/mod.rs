//! `throng bench`: how fast is it here?

mod json;
mod offline;
mod roofline;
mod text;

use anyhow::Result;

#[cfg(feature = "load")]
use super::load;
use crate::args::BenchArgs;

/// Measures, and prints what came out.
///
/// # Errors
/// The model cannot be loaded or has no room for what is measured, a server does not answer, or
/// standard output is gone.
pub fn run(args: &BenchArgs) -> Result<()> {
    #[cfg(feature = "load")]
    if let Some(command) = &args.load {
        return load::run(command);
    }
    offline::run(&args.offline)
}
