//! What is printed.

use std::time::Duration;

use crate::clients::Seen;
use crate::cpu::Cpu;
use crate::options::Options;

/// What one measurement gave.
pub struct Window {
    pub time: Duration,
    pub cpu: Cpu,
    pub seen: Seen,
}

/// What is measured, and the columns' names.
pub fn heading(options: &Options) -> String {
    let Options { streams, tokens, windows, window, .. } = options;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let columns =
        line(["step ms", "tokens/s", "engine µs", "http µs", "clients", "a read", "bytes"]);
    format!(
        "{streams} streams of chat answers of {tokens} tokens, {cores} cores; {windows} windows of \
         {} ms\nengine, http, clients: µs of processor time a token; tokens a read; bytes a token; \
         medians (least - most)\n{columns}\n",
        window.as_millis()
    )
}

/// The measurements with steps that take so long.
pub fn row(step: Duration, windows: &[Window]) -> String {
    let spread = |digits: usize, of: &dyn Fn(&Window) -> f64| {
        let mut values: Vec<f64> = windows.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (values[0], values[values.len() - 1]);
        let median = values[values.len() / 2];
        format!("{median:.digits$} ({least:.digits$} - {most:.digits$})")
    };
    let micros = |of: fn(&Cpu) -> u64| {
        move |window: &Window| of(&window.cpu) as f64 / 1e3 / per(window.seen.tokens)
    };
    let median = |text: String| text.split(' ').next().unwrap_or_default().to_owned();
    let cells = [
        step.as_millis().to_string(),
        spread(0, &|window| window.seen.tokens as f64 / window.time.as_secs_f64()),
        spread(2, &micros(|cpu| cpu.engine)),
        spread(2, &micros(|cpu| cpu.http)),
        median(spread(2, &micros(|cpu| cpu.clients))),
        median(spread(1, &|window| window.seen.tokens as f64 / per(window.seen.reads))),
        median(spread(0, &|window| window.seen.bytes as f64 / per(window.seen.tokens))),
    ];
    line(cells.each_ref().map(String::as_str))
}

/// A divisor: nothing at all counts as one.
fn per(count: u64) -> f64 {
    count.max(1) as f64
}

fn line([step, tokens, engine, http, clients, reads, bytes]: [&str; 7]) -> String {
    format!("{step:>7} {tokens:>24} {engine:>19} {http:>20} {clients:>8} {reads:>7} {bytes:>6}")
}
