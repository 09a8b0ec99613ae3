//! Levels of load as a picture: throughput and latencies over the load.

use super::chart::{HEIGHT, Line, Panel, WIDTH, escape};
use super::level::Load;
use super::summary::Summary;
use super::table::name;
use super::units::{seconds, three_digits};
use crate::Samples;

/// Pixels above the panels, for the title.
const HEAD: f64 = 44.0;

/// An SVG file: tokens a second, time to first token and time per token over the levels.
pub fn svg(title: &str, summaries: &[Summary]) -> String {
    let axis = match summaries.first().map(|summary| summary.load) {
        Some(Load::Rate(_)) => "requests arriving a second",
        _ => "users at once",
    };
    let panels = [
        throughput(summaries, axis),
        latency("Time to first token", axis, summaries, |summary| summary.first_token.as_ref()),
        latency("Time per token", axis, summaries, |summary| summary.per_token.as_ref()),
    ];
    let height = HEAD + HEIGHT * panels.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"20\" y=\"28\" font-size=\"16\">{}</text>\n",
        escape(title),
    );
    for (index, panel) in panels.iter().enumerate() {
        let y = HEAD + HEIGHT * index as f64;
        out += &format!("<g transform=\"translate(0 {y})\">\n{}</g>\n", panel.svg());
    }
    out + "</svg>\n"
}

fn throughput(summaries: &[Summary], axis: &str) -> Panel {
    let values = summaries.iter().map(|summary| Some(summary.tokens_per_second)).collect();
    Panel {
        title: format!("Tokens per second of all users, by {axis}"),
        levels: levels(summaries),
        lines: vec![Line { name: "all users", values }],
        is_logarithmic: false,
        label: |rate| if rate == 0.0 { "0".to_owned() } else { three_digits(rate) },
    }
}

fn latency(
    what: &str,
    axis: &str,
    summaries: &[Summary],
    of: fn(&Summary) -> Option<&Samples>,
) -> Panel {
    let line = |name, percent| Line {
        name,
        values: summaries
            .iter()
            .map(|summary| of(summary).map(|samples| samples.percentile(percent)))
            .collect(),
    };
    Panel {
        title: format!("{what}, by {axis}"),
        levels: levels(summaries),
        lines: vec![line("median", 50.0), line("p99", 99.0)],
        is_logarithmic: true,
        label: seconds,
    }
}

fn levels(summaries: &[Summary]) -> Vec<String> {
    summaries.iter().map(|summary| name(summary.load)).collect()
}
