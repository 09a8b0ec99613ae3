//! A curve as a terminal shows it: a bar a point.

/// Eighths of a character, from one to eight.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Characters of the longest bar at least, however narrow the terminal is.
const LEAST_BAR: usize = 8;

/// A point of the curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What was varied: `16 users`.
    pub label: String,
    /// What came out; what is not above 0 has no bar.
    pub value: f64,
    /// The value as a person reads it: `215 tokens/s`.
    pub text: String,
}

/// A line a point, labels and texts right-aligned, then bars in proportion to the values, the
/// longest as long as `width` characters a line allow.
pub fn bar_plot(bars: &[Bar], width: usize) -> String {
    let widest = |text: fn(&Bar) -> &str| {
        bars.iter().map(|bar| text(bar).chars().count()).max().unwrap_or(0)
    };
    let (labels, texts) = (widest(|bar| &bar.label), widest(|bar| &bar.text));
    let room = width.saturating_sub(labels + texts + 4).max(LEAST_BAR);
    let greatest = bars.iter().map(|bar| bar.value).filter(|value| value.is_finite());
    let greatest = greatest.fold(0.0, f64::max);
    let mut out = String::new();
    for Bar { label, value, text } in bars {
        let share = if greatest > 0.0 { (value / greatest).clamp(0.0, 1.0) } else { 0.0 };
        let line = format!("{label:>labels$}  {text:>texts$}  {}", blocks(share, room));
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// A bar of a share of so many characters, to an eighth of one.
fn blocks(share: f64, width: usize) -> String {
    // What is no number becomes 0.
    let eighths = (share * (width * EIGHTHS.len()) as f64).round() as usize;
    let mut bar: String = std::iter::repeat_n('█', eighths / EIGHTHS.len()).collect();
    bar.extend((eighths % EIGHTHS.len()).checked_sub(1).map(|part| EIGHTHS[part]));
    bar
}

#[cfg(test)]
mod tests {
    use super::{Bar, bar_plot};

    fn bar(label: &str, value: f64) -> Bar {
        Bar { label: label.to_owned(), value, text: format!("{value}") }
    }

    #[test]
    fn bars_are_in_proportion() {
        let bars = [bar("1 user", 25.0), bar("8 users", 100.0), bar("64 users", 50.0)];
        assert_eq!(
            bar_plot(&bars, 8 + 2 + 3 + 2 + 10),
            "  1 user   25  ██▌\n 8 users  100  ██████████\n64 users   50  █████\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_asked_where_that_is_possible() {
        let bars = [bar("a", 1.0), bar("b", 3.0)];
        let widest =
            |width| bar_plot(&bars, width).lines().map(|line| line.chars().count()).max().unwrap();
        assert_eq!((widest(60), widest(0)), (60, 1 + 2 + 1 + 2 + 8));
    }

    #[test]
    fn what_is_no_length_has_no_bar() {
        let bars = [bar("a", f64::NAN), bar("b", -1.0), bar("c", f64::INFINITY), bar("d", 0.0)];
        let plot = bar_plot(&bars, 40);
        assert_eq!(plot.lines().count(), 4);
        assert!(!plot.contains('█'), "{plot}");
        assert_eq!(bar_plot(&[], 40), "");
    }
}
