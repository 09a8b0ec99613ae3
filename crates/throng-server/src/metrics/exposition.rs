//! Prometheus's text format, version 0.0.4.

use std::fmt::Write;

use throng_engine::Histogram;

/// Of the text.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// What all our names begin with.
const PREFIX: &str = "throng:";

/// A text to which one family of samples after the other is added.
pub(crate) struct Exposition {
    text: String,
    /// The label that every sample has.
    model: String,
}

/// Samples of one name.
pub(crate) struct Family<'a> {
    exposition: &'a mut Exposition,
    name: &'static str,
}

impl Exposition {
    /// An empty text, whose samples will all be of this model.
    pub(crate) fn new(model: &str) -> Self {
        Self { text: String::new(), model: label("model_name", model) }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// A number that only grows; its name ends in `_total`.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        debug_assert!(name.ends_with("_total"), "{name}");
        self.family(name, "counter", help)
    }

    /// A number that goes up and down.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    /// Counts between bounds, the last above all, and the sum of what was counted.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &str, histogram: &Histogram) {
        self.family(name, "histogram", help);
        let Histogram { bounds, counts, sum } = histogram;
        let bounds = bounds.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let mut total = 0;
        for (bound, count) in bounds.zip(counts) {
            total += count;
            self.line(&format!("{name}_bucket"), &[("le", &bound)], total as f64);
        }
        self.line(&format!("{name}_sum"), &[], *sum);
        self.line(&format!("{name}_count"), &[], total as f64);
    }

    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        self.text
            .push_str(&format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"));
        Family { exposition: self, name }
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let Self { text, model } = self;
        let others = labels
            .iter()
            .fold(String::new(), |all, (key, value)| format!("{all},{}", label(key, value)));
        writeln!(text, "{PREFIX}{name}{{{model}{others}}} {value}").expect("a text takes text");
    }
}

impl Family<'_> {
    /// One sample.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.exposition.line(self.name, labels, value);
        self
    }
}

/// A label, its value escaped.
fn label(key: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{key}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::{Exposition, Histogram};

    #[test]
    fn a_text_is_families_of_samples() {
        let mut text = Exposition::new("a\"b\\c\nd");
        text.gauge("depth", "How deep.").sample(&[("pool", "full")], 0.5).sample(&[], 3.0);
        let sizes = Histogram { bounds: &[0.1, 2.0], counts: vec![1, 0, 2], sum: 9.25 };
        text.histogram("size", "How large.", &sizes);
        let model = r#"model_name="a\"b\\c\nd""#;
        let expected = [
            "# HELP throng:depth How deep.",
            "# TYPE throng:depth gauge",
            &format!("throng:depth{{{model},pool=\"full\"}} 0.5"),
            &format!("throng:depth{{{model}}} 3"),
            "# HELP throng:size How large.",
            "# TYPE throng:size histogram",
            &format!("throng:size_bucket{{{model},le=\"0.1\"}} 1"),
            &format!("throng:size_bucket{{{model},le=\"2\"}} 1"),
            &format!("throng:size_bucket{{{model},le=\"+Inf\"}} 3"),
            &format!("throng:size_sum{{{model}}} 9.25"),
            &format!("throng:size_count{{{model}}} 3"),
            "",
        ];
        assert_eq!(text.finish(), expected.join("\n"));
    }
}
