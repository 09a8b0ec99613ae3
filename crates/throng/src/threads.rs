//! How many threads compute.

use anyhow::Result;

use crate::failure::Failure;

/// Threads to compute with: as many as asked for, or one a core.
///
/// # Errors
/// None, or more than any machine has.
pub fn threads(asked: Option<usize>) -> Result<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match asked {
        None => Ok(cores),
        Some(threads @ 1..=1024) => Ok(threads),
        Some(threads) => {
            let message = format!("--threads is {threads}; it must be between 1 and 1024");
            Err(Failure { message, hint: "without it, every core computes" }.into())
        }
    }
}
