//! Levels of load as a table: a line a level.

use super::level::Load;
use super::summary::Summary;
use super::units::{percentile, three_digits};
use crate::{Bar, bar_plot};

/// What a level is called.
pub(crate) fn name(load: Load) -> String {
    match load {
        Load::Users(users) => users.to_string(),
        Load::Rate(rate) => format!("{}/s", three_digits(rate)),
    }
}

/// A line a level, less than 100 characters wide, then what failed and what the words mean.
pub fn table(summaries: &[Summary]) -> String {
    let Some(first) = summaries.first() else { return String::new() };
    let users = match first.load {
        Load::Users(_) => "users",
        Load::Rate(_) => "arrive",
    };
    let head = [
        users,
        "done",
        "failed",
        "req/s",
        "tokens/s",
        "TTFT p50",
        "p99",
        "token p50",
        "p99",
        "whole p50",
        "p99",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(summaries.iter().map(row));
    let mut text = crate::table(&rows);
    text += &remarks(summaries);
    text
}

fn row(summary: &Summary) -> Vec<String> {
    let mut cells = vec![
        name(summary.load),
        summary.completed.to_string(),
        summary.failed().to_string(),
        three_digits(summary.requests_per_second),
        three_digits(summary.tokens_per_second),
    ];
    for samples in [&summary.first_token, &summary.per_token, &summary.total] {
        cells.push(percentile(samples.as_ref(), 50.0));
        cells.push(percentile(samples.as_ref(), 99.0));
    }
    cells
}

/// What must be known to read the table rightly.
fn remarks(summaries: &[Summary]) -> String {
    let completed: usize = summaries.iter().map(|summary| summary.completed).sum();
    let sum = |of: fn(&Summary) -> u64| summaries.iter().map(of).sum::<u64>();
    let mean = |total: u64| three_digits(total as f64 / completed.max(1) as f64);
    let prompts = sum(|summary| summary.prompt_tokens);
    let cached = sum(|summary| summary.cached_tokens.unwrap_or(0));
    let mut text = format!(
        "Means: prompts of {} tokens, of which {} were cached; answers of {}.\n\
         TTFT: to the first token that shows. token: per token after it. whole: end to end.\n",
        mean(prompts),
        mean(cached),
        mean(sum(|summary| summary.completion_tokens)),
    );
    if completed > 0 && summaries.iter().any(|one| one.completed > 0 && !one.is_counted) {
        text +=
            "The server does not count tokens everywhere: pieces of answers stand in for them.\n";
    }
    for summary in summaries {
        let at = name(summary.load);
        for (kind, count) in &summary.failures {
            text += &format!("{at}: {count} failed: {kind}\n");
        }
        if summary.refusals > 0 {
            text += &format!("{at}: told to come back later {} times\n", summary.refusals);
        }
        if summary.left > 0 {
            text += &format!("{at}: {} were cut off\n", summary.left);
        }
    }
    text
}

/// Tokens a second as bars, for a terminal; nothing for a single level.
pub fn bars(summaries: &[Summary], width: usize) -> String {
    if summaries.len() < 2 {
        return String::new();
    }
    let bars: Vec<Bar> = summaries
        .iter()
        .map(|summary| Bar {
            label: name(summary.load),
            value: summary.tokens_per_second,
            text: format!("{} tokens/s", three_digits(summary.tokens_per_second)),
        })
        .collect();
    bar_plot(&bars, width)
}
