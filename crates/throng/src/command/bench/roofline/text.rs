//! Rooflines for a person: a table for each kind of step, and a sentence or two below it.

use throng_bench::{Case, Part, Roofline, table};
use throng_ops::{Arithmetic, Bound, Work};

use super::Rooflines;
use crate::units::{bytes, grouped, operations, rate};

/// Characters of a line at most.
const WIDTH: usize = 100;

/// By how much of the lower one the two measured bandwidths may differ before that is said.
const STEADY: f64 = 0.15;

/// Shares of a limit above this are no noise: it was not the limit.
const BEYOND: f64 = 1.05;

/// All of them, and first what the machine can do.
pub fn report(rooflines: &Rooflines) -> String {
    let mut out = machine(rooflines);
    for case in &rooflines.cases {
        out += &format!("\n{}, mean of {} steps\n", what(case), grouped(case.steps));
        out += &table(&rows(case));
        out += &wrapped(&words(rooflines, case));
    }
    out
}

/// What the machine can do.
fn machine(rooflines: &Rooflines) -> String {
    let Rooflines { isa, threads, limits, .. } = rooflines;
    let [before, after] = rooflines.bandwidth.map(|speed| rate(speed / 1e9));
    let peaks = Arithmetic::ALL
        .map(|each| format!("{} {}", each.name(), rate(limits.peaks.of(each) / 1e9)))
        .join(", ");
    let s = if *threads == 1 { "" } else { "s" };
    wrapped(&format!(
        "\nThe limits of {threads} thread{s} with {isa}: memory was read at {before} GB/s before \
         and {after} GB/s after what follows; at most {peaks} G multiply-accumulates a second."
    ))
}

/// `reading a prompt of 512` or `writing, 8 users`.
fn what(case: &Roofline) -> String {
    match case.case {
        Case::Prefill { tokens } => format!("reading a prompt of {}", grouped(tokens)),
        Case::Decode { users: 1 } => "writing, 1 user".to_owned(),
        Case::Decode { users } => format!("writing, {} users", grouped(users)),
    }
}

fn rows(case: &Roofline) -> Vec<Vec<String>> {
    let heading =
        ["part", "ms", "%", "bytes", "GB/s", "MACs", "GMAC/s", "bound by", "of its limit"];
    let whole = case.total();
    let of_whole = 100.0 / whole.time.as_secs_f64().max(f64::MIN_POSITIVE);
    let row = |name: &str, work: &Work, bound: &str, limit: Option<f64>| {
        let seconds = work.time.as_secs_f64().max(f64::MIN_POSITIVE);
        let counted = |count: u64, text: fn(usize) -> String| match count {
            0 => [String::new(), String::new()],
            count => [text(count as usize), rate(1e-9 * count as f64 / seconds)],
        };
        let [read, reading] = counted(work.bytes, bytes);
        let [macs, computing] = counted(work.macs.total(), operations);
        let share =
            limit.map_or(String::new(), |limit| format!("{:.0} %", 100.0 * limit / seconds));
        let milliseconds = match 1e3 * seconds {
            few @ ..0.1 => format!("{few:.4}"),
            many => rate(many),
        };
        let percent = format!("{:.1}", of_whole * seconds);
        let (name, bound) = (name.to_owned(), bound.to_owned());
        vec![name, milliseconds, percent, read, reading, macs, computing, bound, share]
    };
    let of_part = |part: &Part| {
        let bound = part.limit.map_or("", |limit| limit.bound.name());
        let limit = part.limit.map(|limit| limit.time.as_secs_f64());
        row(part.name, &part.work, bound, limit)
    };
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(case.parts.iter().map(of_part));
    rows.push(row("all", &whole, "", Some(case.limit().as_secs_f64())));
    rows
}

/// What holds a step back.
pub fn words(rooflines: &Rooflines, case: &Roofline) -> String {
    let verdict = case.verdict();
    let ms = |seconds: f64| format!("{} ms", rate(1e3 * seconds));
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let step = case.total().time.as_secs_f64();
    let [low, high] = [f64::min, f64::max].map(|of| {
        let [before, after] = rooflines.bandwidth;
        of(before, after)
    });
    let whose = match case.case {
        Case::Prefill { .. } => "A step of reading".to_owned(),
        Case::Decode { users: 1 } => "A step of 1 user".to_owned(),
        Case::Decode { users } => format!("A step of {} users", grouped(users)),
    };
    let share = format!("{} of its {}", percent(verdict.share), ms(step));
    let at = percent(verdict.of_limit);
    let mut out = match verdict.bound {
        Some(Bound::Memory) => {
            let speed = rate(rooflines.limits.bandwidth / 1e9);
            format!(
                "{whose} waits for memory: {share} go to parts that reading binds, and those \
                 read at {at} of {speed} GB/s."
            )
        }
        Some(Bound::Arithmetic) => format!(
            "{whose} waits for arithmetic: {share} go to parts that computing binds, and those \
             compute at {at} of the peak."
        ),
        None => format!(
            "{whose} waits for neither memory nor arithmetic: {share} go to parts that read and \
             compute next to nothing."
        ),
    };
    if verdict.bound == Some(Bound::Memory) && verdict.of_limit > BEYOND {
        out += " That is more than memory gave: caches hold a part, or it was faster meanwhile.";
    } else if high > low * (1.0 + STEADY) {
        out += " Memory's speed changed meanwhile, so its shares are rough.";
    }
    let over = |part: &Part| {
        let excess = part.excess().as_secs_f64();
        format!("{} ({}, {} of the step)", part.name, ms(excess), percent(excess / step))
    };
    let limit = ms(case.limit().as_secs_f64());
    out += &format!(" At its limits it would take {limit}");
    let worst: Vec<String> = verdict.worst.iter().map(over).collect();
    if !worst.is_empty() {
        out += &format!("; most time above them is in {}", worst.join(" and "));
    }
    out + "."
}

/// Lines of words, none of them too long.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += length;
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use throng_ops::{Isa, Limits, Macs, PerArithmetic};

    use super::*;

    fn rooflines(parts: &[(&'static str, u64, u64, u64)]) -> Rooflines {
        let peaks = PerArithmetic::from_fn(|_| 100e9);
        let limits = Limits { bandwidth: 30e9, peaks };
        let part = |&(name, millis, bytes, macs): &(&'static str, u64, u64, u64)| {
            let macs = Macs::only(Arithmetic::Int8, macs);
            let work = Work { time: Duration::from_millis(millis), bytes, macs };
            Part { name, work, limit: limits.of(&work) }
        };
        let parts = parts.iter().map(part).collect();
        let cases = vec![Roofline { case: Case::Decode { users: 8 }, steps: 7, parts }];
        Rooflines { isa: Isa::Scalar, threads: 2, bandwidth: [31e9, 29e9], limits, cases }
    }

    #[test]
    fn a_table_and_what_it_says() {
        let rooflines = rooflines(&[
            ("norms", 2, 0, 0),
            ("qkv", 20, 300_000_000, 100_000_000),
            ("mlp_up", 60, 1_500_000_000, 800_000_000),
            ("sampling", 1, 0, 0),
        ]);
        insta::assert_snapshot!(report(&rooflines));
    }

    #[test]
    fn what_holds_a_step_back_in_words() {
        let arithmetic = rooflines(&[("head", 100, 3_000_000, 5_000_000_000), ("rest", 10, 0, 0)]);
        let neither = rooflines(&[("head", 1, 3_000_000, 0), ("scheduling", 10, 0, 0)]);
        let cached = rooflines(&[("head", 1, 60_000_000, 0)]);
        let mut changed = rooflines(&[("head", 1, 15_000_000, 0)]);
        changed.bandwidth = [33e9, 27e9];
        let said =
            [arithmetic, neither, cached, changed].map(|it| wrapped(&words(&it, &it.cases[0])));
        insta::assert_snapshot!(said.join("\n"));
    }
}
