//! Prometheus's text format, version 0.0.4, from any server: its samples, line by line.

use std::borrow::Cow;

/// One line's name, labels and value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    /// The whole name.
    pub(crate) name: &'a str,
    /// What stands between the braces.
    labels: &'a str,
    /// Finite.
    pub(crate) value: f64,
}

/// The samples of a text. Lines that are none, and values that are not finite, are passed over.
pub(crate) fn samples(text: &str) -> impl Iterator<Item = Sample<'_>> {
    text.lines().filter_map(Sample::read)
}

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
        let (name, rest) = line.split_at(end);
        let rest = rest.trim_start();
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => {
                let end = labels_end(rest)?;
                (&rest[..end], &rest[end + 1..])
            }
            None => ("", rest),
        };
        let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
        value.is_finite().then_some(Self { name, labels, value })
    }

    /// The name without its server's prefix: what stands behind the last colon.
    pub(crate) fn base(&self) -> &'a str {
        self.name.rsplit_once(':').map_or(self.name, |(_, base)| base)
    }

    /// The value of a label.
    pub(crate) fn label(&self, key: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.labels;
        loop {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim_start().strip_prefix('"')?;
            let end = quote_end(value)?;
            if name.trim_start_matches([',', ' ']).trim_end() == key {
                return Some(unescaped(&value[..end]));
            }
            rest = &value[end + 1..];
        }
    }
}

/// Where the labels end: at the first brace outside of quotes.
fn labels_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|byte| {
        let ends = byte == b'}' && !quoted;
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Where a quoted text ends.
fn quote_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        out.push(match c {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_may_hold_anything() {
        let line = r#"a:b:c_total{x="1",tenant="a } \"b\\" , y = "new\nline"} 4.5e1 1700000000"#;
        let sample = samples(line).next().unwrap();
        assert_eq!((sample.name, sample.base(), sample.value), ("a:b:c_total", "c_total", 45.0));
        let label = |key| sample.label(key).map(Cow::into_owned);
        assert_eq!(label("tenant").as_deref(), Some("a } \"b\\"));
        assert_eq!(label("y").as_deref(), Some("new\nline"));
        assert_eq!((label("x").as_deref(), label("z"), label("enant")), (Some("1"), None, None));
    }

    #[test]
    fn what_is_no_sample_is_passed_over() {
        let text = "# HELP a b\n\na\na{b=\"c\" 1\na{} x\na NaN\na +Inf\na{b=\"\\\"} 1\nplain 2\n";
        let found: Vec<_> = samples(text).map(|sample| (sample.name, sample.value)).collect();
        assert_eq!(found, [("plain", 2.0)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_read_without_a_panic(text in "[a:{}=\",\\\\ \n0-9é]{0,60}") {
            for sample in samples(&text) {
                sample.label("a");
            }
        }

        #[test]
        fn any_value_of_a_label_comes_back(value in "\\PC{0,20}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("m{{k=\"x\",v=\"{escaped}\"}} 1");
            let sample = samples(&text).next().unwrap();
            prop_assert_eq!(sample.label("v").unwrap(), value);
        }
    }
}
