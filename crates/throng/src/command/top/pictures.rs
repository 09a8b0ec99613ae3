//! Bars and curves of characters.

use ratatui::text::Span;

use super::style::Style;

/// A column of a curve, by its height in eighths.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last `width` points, a column each, the highest of them as high as a line is.
pub fn curve(points: &[f64], width: usize) -> String {
    let points = &points[points.len().saturating_sub(width)..];
    let highest = points.iter().copied().fold(0.0, f64::max);
    let column = |point: &f64| {
        // What is no number becomes 0.
        let eighths = if highest > 0.0 { (point / highest * 8.0).ceil() as usize } else { 0 };
        EIGHTHS[eighths.min(8)]
    };
    points.iter().map(column).collect()
}

/// A bar of so many characters: what is used of a whole, what is spare, and the rest.
pub fn bar(style: &Style, used: f64, spare: f64, whole: f64, width: usize) -> [Span<'static>; 3] {
    let share = |part: f64| if whole > 0.0 { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
    let columns = |share: f64| (share * width as f64).round() as usize;
    let filled = columns(share(used + spare));
    // However little is used, it shows.
    let least = usize::from(used > 0.0).min(width);
    let used = columns(share(used)).clamp(least, width);
    let spare = filled.saturating_sub(used);
    let free = width - used - spare;
    [style.used("█".repeat(used)), style.spare("▒".repeat(spare)), style.dim("░".repeat(free))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(used: f64, spare: f64, whole: f64, width: usize) -> String {
        bar(&Style::new(false), used, spare, whole, width).map(|span| span.to_string()).concat()
    }

    #[test]
    fn bars_are_as_wide_as_they_should_be() {
        assert_eq!(text(5.0, 2.5, 10.0, 8), "████▒▒░░");
        assert_eq!(text(0.01, 0.0, 10.0, 4), "█░░░");
        assert_eq!(text(20.0, 3.0, 10.0, 4), "████");
        assert_eq!((text(0.0, 0.0, 0.0, 3), text(1.0, 1.0, 2.0, 0)), ("░░░".into(), "".into()));
        assert_eq!(text(f64::MAX, f64::MAX, f64::MAX, 2), "██");
    }

    #[test]
    fn a_curve_ends_with_its_last_points() {
        assert_eq!(curve(&[9.0, 0.0, 1.0, 2.0, 4.0], 4), " ▂▄█");
        assert_eq!((curve(&[], 4), curve(&[0.0, 0.0], 4)), (String::new(), "  ".to_owned()));
        assert_eq!(curve(&[f64::NAN, 1.0, 0.0001], 9), " █▁");
    }
}
