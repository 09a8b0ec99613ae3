//! How far a measurement is, once it takes longer than a person waits without asking.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A measurement that takes longer has a bar.
const SHORT: Duration = Duration::from_secs(1);

/// The bar on standard error, which goes away when this does.
pub struct Progress {
    what: &'static str,
    start: Instant,
    shown: Option<ProgressBar>,
}

impl Progress {
    /// Begins now; `what` stands before the bar.
    pub fn new(what: &'static str) -> Self {
        Self { what, start: Instant::now(), shown: None }
    }

    /// So many of all steps are done.
    pub fn show(&mut self, done: usize, steps: usize) {
        if self.start.elapsed() < SHORT {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let template = "{prefix} {bar:24} step {human_pos} of {human_len}, {elapsed}";
            let style = ProgressStyle::with_template(template).expect("the template is ours");
            let bar = ProgressBar::new(steps as u64).with_elapsed(self.start.elapsed());
            bar.with_style(style).with_prefix(self.what)
        });
        bar.set_position(done as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
