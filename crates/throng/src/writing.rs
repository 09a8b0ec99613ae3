//! A checkpoint to disk, with a bar on standard error meanwhile; Ctrl+C breaks it off.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use throng_checkpoint::{MAX_SHARD_BYTES, WriteOptions};

use crate::interrupt::interrupted;

/// Has tensors of so many bytes written in all; `what` stands before the bar. Gives what `write`
/// gives, and the seconds that it took.
///
/// # Errors
/// As `write`, or interrupts cannot be waited for.
pub fn write<T, E: Error + Send + Sync + 'static>(
    what: &'static str,
    bytes: u64,
    force: bool,
    write: impl FnOnce(&WriteOptions<'_>) -> Result<T, E>,
) -> Result<(T, f64)> {
    let interrupted = interrupted()?;
    let template = "{prefix} {bar:24} {decimal_bytes} of {decimal_total_bytes}, \
                    {decimal_bytes_per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is ours");
    let bar = ProgressBar::new(bytes).with_style(style).with_prefix(what);
    let progress = |bytes| {
        bar.inc(bytes);
        match interrupted.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let max_shard_bytes = MAX_SHARD_BYTES;
    let start = Instant::now();
    let written = write(&WriteOptions { force, threads, max_shard_bytes, progress: &progress })?;
    bar.finish_and_clear();
    Ok((written, start.elapsed().as_secs_f64()))
}
