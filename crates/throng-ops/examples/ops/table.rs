//! What is printed.

use throng_ops::{Arithmetic, Isa, Limits, Work};

/// The machine, and the columns' names.
pub fn heading(isa: Isa, threads: usize, limits: &Limits) -> String {
    let peaks = Arithmetic::ALL
        .map(|each| format!("{} {:.0}", each.name(), limits.peaks.of(each) / 1e9))
        .join(", ");
    let columns =
        row_of(["operation", "µs", "least", "most", "GB/s", "GMAC/s", "bound", "of limit"]);
    format!(
        "{isa}, {threads} threads; memory is read at {:.1} GB/s, multiply-accumulates a second at \
         most: {peaks} G\n{columns}\n",
        limits.bandwidth / 1e9
    )
}

/// A case: medians, and how close they are to what binds it.
pub fn row(name: &str, runs: &[Work], limits: &Limits) -> String {
    let mut sorted = runs.to_vec();
    sorted.sort_by_key(|work| work.time);
    let (least, median, most) = (sorted[0], sorted[sorted.len() / 2], sorted[sorted.len() - 1]);
    let micros = |work: Work| format!("{:.1}", 1e6 * work.time.as_secs_f64());
    let giga = |count: u64| match 1e-9 * count as f64 / median.time.as_secs_f64().max(1e-9) {
        _ if count == 0 => String::new(),
        rate => format!("{rate:.1}"),
    };
    let (bound, share) = limits.of(&median).map_or_else(Default::default, |limit| {
        let share = limit.time.as_secs_f64() / median.time.as_secs_f64().max(1e-9);
        (limit.bound.name(), format!("{:.0} %", 100.0 * share))
    });
    let [least, most] = [least, most].map(micros);
    let (bytes, macs) = (giga(median.bytes), giga(median.macs.total()));
    row_of([name, &micros(median), &least, &most, &bytes, &macs, bound, &share])
}

fn row_of([name, median, least, most, bytes, macs, bound, share]: [&str; 8]) -> String {
    let line = format!(
        "{name:34} {median:>9} {least:>9} {most:>9} {bytes:>6} {macs:>7} {bound:>10} {share:>8}"
    );
    line.trim_end().to_owned()
}
