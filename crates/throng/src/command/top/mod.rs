//! `throng top`: a running server, watched from a terminal.

mod header;
mod numbers;
mod pictures;
mod scene;
mod screen;
mod sections;
mod style;
#[cfg(test)]
mod tests;
mod watch;

use std::io::{IsTerminal, Write, stdout};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use throng_bench::live::Watcher;
use throng_bench::load;

use self::scene::Scene;
use self::style::Style;
use crate::args::TopArgs;
use crate::failure::Failure;
use crate::terminal::wants_colour;

/// From look to look.
const INTERVAL: Duration = Duration::from_millis(500);
/// Columns of what is printed once.
const COLUMNS: usize = 80;

/// Shows the server until somebody has seen enough, or prints how it is once.
///
/// # Errors
/// The key is malformed, or standard output is gone. Printed once: the server does not answer, or
/// has no metrics.
pub fn run(args: &TopArgs) -> Result<()> {
    let watcher = Watcher::new(args.url.clone(), args.key()?);
    let scene = Scene::new(&args.url, args.bandwidth.map(|rate| rate * 1e9));
    if args.once || !stdout().is_terminal() {
        once(watcher, scene)
    } else {
        watch::run(watcher, scene, Style::new(wants_colour()))
    }
}

/// Looks twice, as rates need, and prints what was seen.
fn once(mut watcher: Watcher, mut scene: Scene) -> Result<()> {
    let begun = Instant::now();
    for look in 0..2 {
        if look > 0 {
            sleep(INTERVAL);
        }
        let sight = watcher.look().map_err(|failure| refusal(&scene, &failure))?;
        scene.take(begun.elapsed(), Ok(sight));
    }
    let lines = screen::lines(&scene, unix_time(), (COLUMNS, usize::MAX), &Style::new(false));
    let mut out = stdout().lock();
    for line in lines {
        writeln!(out, "{}", line.to_string().trim_end())?;
    }
    Ok(())
}

/// What is said of a server that cannot be looked at.
fn refusal(scene: &Scene, failure: &load::Failure) -> Failure {
    let hint = match failure {
        load::Failure::Connection(_) | load::Failure::Timeout => {
            "`throng serve` starts a server; --url says where another one listens"
        }
        _ => "it needs /metrics, as throng and vLLM have it",
    };
    Failure { message: format!("{}: {failure}", scene.server()), hint }
}

/// Seconds since 1970.
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
