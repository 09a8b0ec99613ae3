//! Lines over levels of load, as a panel of an SVG picture.

use std::fmt::Write;

/// Pixels: a panel with its axes, and the room that lines have in it.
pub(crate) const WIDTH: f64 = 720.0;
pub(crate) const HEIGHT: f64 = 240.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 36.0;
/// Distinct for most eyes and on paper (Okabe and Ito, 2008), and dashed apart besides.
const STROKES: [(&str, &str); 2] = [("#0072b2", "none"), ("#d55e00", "6 4")];
/// Lines across a linear panel, about.
const TICKS: f64 = 4.0;

/// One line: its name, and its value at each level where it has one.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<Option<f64>>,
}

/// Lines of one quantity over the same levels.
pub(crate) struct Panel {
    pub(crate) title: String,
    /// One name a level.
    pub(crate) levels: Vec<String>,
    /// Two at most, which differ in colour.
    pub(crate) lines: Vec<Line>,
    /// Powers of ten up the side; otherwise it begins at 0.
    pub(crate) is_logarithmic: bool,
    /// A value as a person reads it.
    pub(crate) label: fn(f64) -> String,
}

/// Values up the side of a panel: its ends, and which are written.
struct Axis {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    is_logarithmic: bool,
}

impl Axis {
    fn new(values: &[f64], is_logarithmic: bool) -> Self {
        let greatest = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        if is_logarithmic && least > 0.0 && least.is_finite() {
            let (first, last) = (least.log10().floor() as i32, greatest.log10().ceil() as i32);
            let last = last.max(first + 1);
            let ticks = (first..=last).map(|power| 10_f64.powi(power)).collect();
            return Self { low: f64::from(first), high: f64::from(last), ticks, is_logarithmic };
        }
        let step = if greatest > 0.0 { round_up(greatest / TICKS) } else { 1.0 };
        let count = (greatest / step).ceil().max(1.0) as usize;
        let ticks: Vec<f64> = (0..=count).map(|tick| tick as f64 * step).collect();
        Self { low: 0.0, high: count as f64 * step, ticks, is_logarithmic: false }
    }

    /// Pixels from the panel's upper edge.
    fn y(&self, value: f64) -> f64 {
        let value = if self.is_logarithmic { value.log10() } else { value };
        let share = (value - self.low) / (self.high - self.low);
        TOP + (1.0 - share) * (HEIGHT - TOP - BOTTOM)
    }
}

/// 1, 2 or 5 times a power of ten, not below `value`.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|&step| step >= value);
    step.unwrap_or(10.0 * power)
}

impl Panel {
    /// The panel as a group whose upper left corner is at (0, 0).
    pub(crate) fn svg(&self) -> String {
        let values: Vec<f64> =
            self.lines.iter().flat_map(|line| line.values.iter().flatten().copied()).collect();
        let axis = Axis::new(&values, self.is_logarithmic);
        let mut out = format!(
            "<text x=\"{LEFT}\" y=\"16\" font-weight=\"bold\">{}</text>\n",
            escape(&self.title)
        );
        let right = WIDTH - RIGHT;
        for &tick in &axis.ticks {
            let y = axis.y(tick);
            let _ = writeln!(
                out,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                escape(&(self.label)(tick)),
            );
        }
        for (index, name) in self.levels.iter().enumerate() {
            let (x, y) = (self.x(index), HEIGHT - BOTTOM + 18.0);
            let name = escape(name);
            let _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{name}</text>"
            );
        }
        for (index, (line, stroke)) in self.lines.iter().zip(STROKES).enumerate() {
            out += &self.line(line, &axis, stroke);
            if self.lines.len() > 1 {
                out += &legend(line.name, index, stroke);
            }
        }
        out
    }

    /// Levels stand at equal distances, as they are in the table.
    fn x(&self, index: usize) -> f64 {
        let room = WIDTH - LEFT - RIGHT;
        LEFT + room * (index as f64 + 0.5) / self.levels.len().max(1) as f64
    }

    /// A line with a dot at each value; where a value is missing, it is interrupted.
    fn line(&self, line: &Line, axis: &Axis, (colour, dash): (&str, &str)) -> String {
        let (mut path, mut dots) = (String::new(), String::new());
        let mut is_drawing = false;
        for (index, value) in line.values.iter().enumerate() {
            let Some(value) = *value else {
                is_drawing = false;
                continue;
            };
            let (x, y) = (self.x(index), axis.y(value));
            let step = if std::mem::replace(&mut is_drawing, true) { 'L' } else { 'M' };
            let _ = write!(path, "{step}{x:.1} {y:.1}");
            let _ = writeln!(
                dots,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\">\
                 <title>{}</title></circle>",
                escape(&(self.label)(value)),
            );
        }
        format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dash}\"/>\n{dots}"
        )
    }
}

fn legend(name: &str, index: usize, (colour, dash): (&str, &str)) -> String {
    let x = WIDTH - RIGHT - 170.0 + 90.0 * index as f64;
    format!(
        "<path d=\"M{x} 12h24\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>\
         <text x=\"{}\" y=\"16\">{}</text>\n",
        x + 30.0,
        escape(name),
    )
}

/// Text within XML.
pub(crate) fn escape(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control());
    clean.fold(String::new(), |mut out, c| {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_reaches_from_below_the_least_to_above_the_greatest() {
        let linear = Axis::new(&[3.0, 830.0], false);
        assert_eq!(linear.ticks, [0.0, 500.0, 1000.0]);
        assert_eq!((linear.y(0.0), linear.y(1000.0)), (HEIGHT - BOTTOM, TOP));
        let powers = Axis::new(&[0.003, 0.2], true);
        assert_eq!(powers.ticks.len(), 4);
        assert!((powers.y(0.001) - (HEIGHT - BOTTOM)).abs() < 1e-9);
        assert!((powers.y(1.0) - TOP).abs() < 1e-9);
        for values in [&[][..], &[0.0], &[1.0]] {
            for is_logarithmic in [false, true] {
                let axis = Axis::new(values, is_logarithmic);
                assert!(axis.high > axis.low && axis.y(1.0).is_finite());
            }
        }
    }

    #[test]
    fn steps_are_round() {
        for (value, step) in [(0.9, 1.0), (1.1, 2.0), (33.0, 50.0), (51.0, 100.0), (0.04, 0.05)] {
            assert!((round_up(value) - step).abs() < 1e-12, "{value}");
        }
    }

    #[test]
    fn a_missing_value_interrupts_its_line() {
        let panel = Panel {
            title: "<t>".to_owned(),
            levels: ["1", "2", "3"].map(str::to_owned).to_vec(),
            lines: vec![Line { name: "a", values: vec![Some(1.0), None, Some(2.0)] }],
            is_logarithmic: false,
            label: |value| value.to_string(),
        };
        let svg = panel.svg();
        assert_eq!((svg.matches("<circle").count(), svg.matches('L').count()), (2, 0));
        assert!(svg.contains("&lt;t&gt;") && !svg.contains("NaN"));
    }
}
