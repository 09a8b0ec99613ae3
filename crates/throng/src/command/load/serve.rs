//! `throng bench serve`: levels of load, one after the other.

use std::io::{Write, stdout};

use anyhow::{Context, Result};
use console::Term;
use throng_bench::load::{Load, Outcome, Summary, bars, svg, table};

use super::{open, progress};
use crate::args::LoadArgs;
use crate::failure::Failure;

/// Columns of a terminal that does not say how many it has, and of the widest plot.
const MAX_COLUMNS: usize = 99;
/// Requests for each user, and for a level at least.
const REQUESTS_PER_USER: usize = 4;
const MIN_REQUESTS: usize = 16;
/// Requests of a level that is a rate.
const REQUESTS_AT_A_RATE: usize = 64;

/// Measures every level and prints a table, or a line of JSON a level as it comes.
///
/// # Errors
/// The server does not answer, no request was completed, the plot cannot be written, or standard
/// output is gone.
pub fn run(args: &LoadArgs) -> Result<()> {
    let levels = levels(args);
    let opened = open(&args.target, &args.answer, &args.prompt)?;
    let mut out = stdout().lock();
    let mut summaries = Vec::new();
    for (number, (load, requests)) in (0..).zip(levels) {
        if opened.stop.is_set() {
            break;
        }
        let bar = progress(requests, &what(load))?;
        let mut tokens = 0;
        let level = opened.session.level(number, load, requests, |exchange| {
            bar.inc(1);
            tokens += if exchange.outcome == Outcome::Completed { exchange.tokens() } else { 0 };
            bar.set_message(format!("{}, {tokens} tokens", what(load)));
        })?;
        bar.finish_and_clear();
        let summary = Summary::of(&level);
        if args.answer.json {
            writeln!(out, "{}", summary.json())?;
        }
        summaries.push(summary);
    }
    if !args.answer.json {
        let columns = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        let columns = columns.unwrap_or(MAX_COLUMNS).min(MAX_COLUMNS);
        write!(out, "{}", table(&summaries))?;
        write!(out, "{}", bars(&summaries, columns))?;
    }
    if let Some(path) = &args.plot {
        let title = format!("{} under load", opened.model);
        std::fs::write(path, svg(&title, &summaries))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if summaries.iter().all(|summary| summary.completed == 0) && !opened.stop.is_set() {
        let message = "no request was completed".to_owned();
        return Err(Failure { message, hint: "the lines above say what failed" }.into());
    }
    Ok(())
}

/// What is measured, and with how many requests each.
fn levels(args: &LoadArgs) -> Vec<(Load, usize)> {
    if args.rate.is_empty() {
        let of = |&users: &usize| {
            let requests = (users * REQUESTS_PER_USER).max(MIN_REQUESTS);
            (Load::Users(users), args.requests.unwrap_or(requests))
        };
        return args.concurrency.iter().map(of).collect();
    }
    let requests = args.requests.unwrap_or(REQUESTS_AT_A_RATE);
    args.rate.iter().map(|&rate| (Load::Rate(rate), requests)).collect()
}

fn what(load: Load) -> String {
    match load {
        Load::Users(1) => "1 user".to_owned(),
        Load::Users(users) => format!("{users} users"),
        Load::Rate(rate) => format!("{rate} requests a second"),
    }
}
