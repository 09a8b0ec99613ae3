//! The parts of the screen, each in as many lines as it needs.

use ratatui::text::{Line, Span};
use throng_bench::live::{Latency, Memory, Outcome, Pool, Speculation, TenantView, View};
use throng_bench::load::seconds;

use super::numbers::{figure, percent, quantile, whole};
use super::pictures::{bar, curve};
use super::screen::Block;
use super::style::Style;
use crate::units::{bytes, count};

/// Columns of what a line is about.
const LABEL: usize = 14;
/// Columns of its number and unit.
const VALUE: usize = 18;
/// The narrowest picture that says something.
const MIN_PICTURE: usize = 8;
/// Columns of a time.
const TIME: usize = 11;
/// Columns of a tenant's name.
const NAME: usize = 24;
/// Tenants that are shown where there is hardly room.
const MIN_TENANTS: usize = 2;

/// Who is served, and in which steps.
pub fn load(view: &View, style: &Style) -> Vec<Line<'static>> {
    let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), whole);
    let waiting = number(view.waiting);
    let answers = vec![
        style.strong(number(view.running)),
        style.dim(" running   "),
        style.strong(waiting),
        style.dim(" waiting"),
    ];
    let mut steps = vec![style.plain(view.steps.map_or_else(|| "-".to_owned(), figure))];
    steps.push(style.dim(" a second"));
    if let (Some(rows), Some(tokens)) = (view.step_rows, view.step_tokens) {
        steps.push(style.dim(", of "));
        steps.push(style.plain(figure(rows)));
        steps.push(style.dim(" answers and "));
        steps.push(style.plain(figure(tokens)));
        steps.push(style.dim(" tokens"));
    }
    if let Some(busy) = view.busy {
        steps.push(style.dim("; busy "));
        steps.push(style.plain(percent(busy)));
    }
    vec![row("answers", answers, style), row("steps", steps, style)]
}

/// Tokens written and read a second, now and before.
pub fn speed(view: &View, width: usize, style: &Style) -> Vec<Line<'static>> {
    let line = |label, rate: Option<f64>, before: &[f64]| {
        let mut spans = vec![value(rate.map(figure), "tokens/s", style)];
        let room = width.saturating_sub(LABEL + VALUE);
        if room >= MIN_PICTURE && before.len() > 1 {
            spans.push(style.used(curve(before, room)));
        }
        row(label, spans, style)
    };
    vec![
        line("writes", view.written, &view.written_before),
        line("reads", view.read, &view.read_before),
    ]
}

/// What is drafted, and what answers take of it.
pub fn speculation(view: &View, width: usize, style: &Style) -> Vec<Line<'static>> {
    let Some(speculation) = &view.speculation else { return Vec::new() };
    let mut spans = vec![value(speculation.drafted.map(figure), "tokens/s", style)];
    if let (Some(drafting), Some(verifying)) = (speculation.drafting, speculation.verifying) {
        spans.push(style.dim("drafting "));
        spans.push(style.plain(percent(drafting)));
        spans.push(style.dim(" of the time, verifying "));
        spans.push(style.plain(percent(verifying)));
    }
    let mut lines = vec![row("drafts", spans, style), acceptance(speculation, width, style)];
    if speculation.failures > 0.0 {
        let failed = style.bad("the draft model, which drafts no more");
        lines.push(row("failed", vec![failed], style));
    }
    lines
}

/// What answers take of drafts, with as many positions as there is room for.
fn acceptance(speculation: &Speculation, width: usize, style: &Style) -> Line<'static> {
    const POSITIONS: &str = "; by position";
    let share = speculation.accepted.map_or_else(|| "-".to_owned(), percent);
    let since = if speculation.is_recent { "" } else { " since the start" };
    let length = speculation.mean_length.map_or_else(|| "-".to_owned(), figure);
    let lead = [style.plain(share), style.dim(format!("{since}, mean length "))];
    let mut line = row("accepted", lead.into(), style);
    line.push_span(style.plain(length));
    let mut unit = " %";
    let room = width.saturating_sub(line.width() + POSITIONS.len() + " … %".chars().count());
    let mut shares = String::new();
    for share in &speculation.accepted_at {
        let share = format!(" {:.0}", 100.0 * share);
        if shares.len() + share.len() > room {
            unit = " … %";
            break;
        }
        shares += &share;
    }
    if !shares.is_empty() {
        line.push_span(style.dim(POSITIONS));
        line.push_span(style.plain(shares));
        line.push_span(style.dim(unit));
    }
    line
}

/// What steps read from memory, and who holds the KV cache.
pub fn memory(view: &View, width: usize, style: &Style) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    lines.extend(view.memory.map(|memory| bandwidth(&memory, width, style)));
    for (label, pool) in [("KV full", view.full), ("KV window", view.window)] {
        if pool.blocks() > 0.0 {
            lines.push(pool_line(label, &pool, width, style));
        }
    }
    // Of a server that shows no blocks.
    if let (0.0, Some(usage)) = (view.full.blocks() + view.window.blocks(), view.usage) {
        let spans = vec![value(Some(percent(usage)), "used", style)];
        lines.push(pictured("KV cache", spans, (usage, 0.0, 1.0), String::new(), width, style));
    }
    lines
}

fn bandwidth(memory: &Memory, width: usize, style: &Style) -> Line<'static> {
    let text = |rate: f64| bytes(rate as usize) + "/s";
    let rate = text(memory.rate);
    let (number, unit) = rate.split_once(' ').unwrap_or((&rate, ""));
    let mut spans = vec![value(Some(number.to_owned()), unit, style)];
    match (memory.limit, memory.rate_in_model) {
        (Some(limit), _) => {
            let said = format!("{} of {}", percent(memory.rate / limit), text(limit));
            pictured("memory", spans, (memory.rate, 0.0, limit), said, width, style)
        }
        (None, Some(rate)) => {
            let said = format!("{} while it computes; no limit is known", text(rate));
            spans.push(style.dim(said));
            row("memory", spans, style)
        }
        (None, None) => row("memory", spans, style),
    }
}

fn pool_line(label: &str, pool: &Pool, width: usize, style: &Style) -> Line<'static> {
    let Pool { used, cached, .. } = *pool;
    let spans = vec![value(Some(percent(used / pool.blocks())), "used", style)];
    let [used_blocks, cached_blocks, all] = [used, cached, pool.blocks()].map(whole);
    let said = format!("{used_blocks} + {cached_blocks} cached of {all}");
    pictured(label, spans, (used, cached, pool.blocks()), said, width, style)
}

/// What the prefix cache saves.
pub fn prefix_cache(view: &View, style: &Style) -> Vec<Line<'static>> {
    let Some(ever) = view.hits_ever else { return Vec::new() };
    let mut spans = Vec::new();
    if let Some(hits) = view.hits {
        spans.push(style.plain(percent(hits)));
        spans.push(style.dim(" of prompts in the last minute, "));
    }
    spans.push(style.plain(percent(ever)));
    let all = if view.hits.is_some() { " since the start" } else { " of prompts" };
    spans.push(style.dim(all));
    vec![row("prefix cache", spans, style)]
}

/// How long things take.
pub fn latencies(view: &View, width: usize, style: &Style) -> Vec<Line<'static>> {
    let columns = (width.saturating_sub(LABEL) / TIME).min(4);
    let cells = |cells: [String; 4]| {
        cells.iter().take(columns).map(|cell| format!("{cell:>TIME$}")).collect::<String>()
    };
    let since = if view.latencies_are_recent { "last minute" } else { "since the start" };
    let mut heading = cells(["mean", "p50", "p90", "p99"].map(str::to_owned));
    if width >= LABEL + 4 * TIME + 2 + since.len() {
        heading += &format!("  {since}");
    }
    let line = |label, latency: &Latency| {
        let Latency { mean, p50, p90, p99 } = *latency;
        let mean = mean.map_or_else(|| "-".to_owned(), seconds);
        let times = cells([mean, quantile(p50), quantile(p90), quantile(p99)]);
        row(label, vec![style.plain(times)], style)
    };
    vec![
        row("", vec![style.dim(heading)], style),
        line("first token", &view.first_token),
        line("each token", &view.each_token),
        line("whole answer", &view.whole_answer),
    ]
}

/// How answers ended.
pub fn ended(view: &View, style: &Style) -> Vec<Line<'static>> {
    let mut spans = Vec::new();
    for (index, &(outcome, count)) in view.outcomes.iter().enumerate() {
        if index > 0 {
            spans.push(style.dim(", "));
        }
        let text = format!("{} {}", whole(count), outcome.name());
        let is_bad = matches!(outcome, Outcome::Timeout | Outcome::Error) && count > 0.0;
        spans.push(if is_bad { style.bad(text) } else { style.plain(text) });
    }
    if let Some(preemptions) = view.preemptions {
        let gap = if spans.is_empty() { "" } else { "; " };
        spans.push(style.dim(format!("{gap}{} preempted", whole(preemptions))));
    }
    if spans.is_empty() { Vec::new() } else { vec![row("ended", spans, style)] }
}

/// Who asks.
pub fn tenants(view: &View, width: usize, style: &Style) -> Block {
    let columns = [("running", 9), ("waiting", 9), ("tokens/s", 10), ("tokens", 10), ("share", 8)];
    let numbers: usize = columns.iter().map(|(_, width)| width).sum();
    let name = width.saturating_sub(numbers).clamp(8, NAME);
    let cells = |cells: [String; 5]| {
        let cells = cells.iter().zip(columns);
        cells.map(|(cell, (_, width))| format!("{cell:>width$}")).collect::<String>()
    };
    let heading = cells(columns.map(|(heading, _)| heading.to_owned()));
    let line = |tenant: &TenantView| {
        let share = tenant.share.map_or_else(|| "-".to_owned(), percent);
        let rate = tenant.rate.map_or_else(|| "-".to_owned(), figure);
        let tokens = count(tenant.tokens as usize);
        let cells = cells([whole(tenant.running), whole(tenant.waiting), rate, tokens, share]);
        Line::from(vec![padded(&tenant.name, name), style.plain(cells)])
    };
    let mut lines =
        vec![Line::from(vec![style.dim(format!("{:<name$}", "tenant")), style.dim(heading)])];
    let mut more: Vec<_> = view.tenants.iter().map(line).collect();
    lines.extend(more.drain(..more.len().min(MIN_TENANTS)));
    Block { rank: 4, lines, more }
}

/// A line about something.
fn row(label: &str, spans: Vec<Span<'static>>, style: &Style) -> Line<'static> {
    let mut all = vec![style.dim(format!("{label:<LABEL$}"))];
    all.extend(spans);
    Line::from(all)
}

/// A number and its unit, with room behind it.
fn value(number: Option<String>, unit: &str, style: &Style) -> Span<'static> {
    let number = number.unwrap_or_else(|| "-".to_owned());
    let text = format!("{number:>6} {unit}");
    style.plain(format!("{text:<VALUE$}"))
}

/// A line with a bar, if it has room, of what is used and spare of a whole, and what is said of it.
fn pictured(
    label: &str,
    mut spans: Vec<Span<'static>>,
    (used, spare, whole): (f64, f64, f64),
    said: String,
    width: usize,
    style: &Style,
) -> Line<'static> {
    // Where both have no room, the picture says more.
    let left = width.saturating_sub(LABEL + VALUE);
    let said =
        if said.chars().count() > left && left >= MIN_PICTURE { String::new() } else { said };
    let gap = if said.is_empty() { 0 } else { 2 };
    let room = width.saturating_sub(LABEL + VALUE + said.chars().count() + gap);
    if room >= MIN_PICTURE {
        spans.extend(bar(style, used, spare, whole, room));
        spans.push(Span::raw(" ".repeat(gap)));
    }
    spans.push(style.dim(said));
    row(label, spans, style)
}

/// A name in so many columns, cut or filled up.
fn padded(name: &str, width: usize) -> Span<'static> {
    let mut text = name.to_owned();
    while Span::raw(text.as_str()).width() >= width {
        text.pop();
    }
    let fill = width - Span::raw(text.as_str()).width();
    Span::raw(text + &" ".repeat(fill))
}
