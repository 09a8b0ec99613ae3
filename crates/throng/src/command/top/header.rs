//! The first line: which server, and how it is.

use ratatui::text::{Line, Span};
use throng_bench::live::View;

use super::numbers::lapse;
use super::scene::Scene;
use super::style::Style;
use crate::units::grouped;

/// Which server, and how it is.
pub fn line(
    scene: &Scene,
    view: Option<&View>,
    now: u64,
    width: usize,
    style: &Style,
) -> Line<'static> {
    let model = view.map(|view| view.model.clone()).filter(|model| !model.is_empty());
    let mut spans = vec![style.strong(model.unwrap_or_else(|| "throng top".to_owned()))];
    if view.is_some() {
        let health = scene.health().to_owned();
        let is_well = health == "ok" || health.is_empty();
        spans.push(if is_well { style.plain(health) } else { style.bad(health) });
        spans.extend(scene.uptime(now).map(|up| style.plain(format!("up {}", lapse(up)))));
        let context =
            scene.context().map(|tokens| grouped(usize::try_from(tokens).unwrap_or(usize::MAX)));
        spans.extend(context.map(|context| style.dim(format!("context {context}"))));
        spans.retain(|span| !span.content.is_empty());
    }
    let mut line = Line::default();
    for (index, span) in spans.into_iter().enumerate() {
        let gap = if index > 0 { 2 } else { 0 };
        if line.width() + gap + span.width() <= width || index == 0 {
            line.push_span(Span::raw(" ".repeat(gap)));
            line.push_span(span);
        }
    }
    let server = style.dim(scene.server().to_owned());
    let room = width.saturating_sub(line.width());
    if view.is_some() && room >= server.width() + 2 {
        line.push_span(Span::raw(" ".repeat(room - server.width())));
        line.push_span(server);
    }
    line
}

/// What sets the header apart.
pub fn rule(width: usize, style: &Style) -> Line<'static> {
    Line::from(style.dim("─".repeat(width)))
}
