//! What quantising has done to a tensor.

use std::collections::HashMap;

use throng_spec::{DType, Deviation};

/// A tensor before and after; those of a layer's experts are one.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorReport {
    /// The stored name, with `*` for an expert's number.
    pub name: String,
    /// How it was stored.
    pub from: DType,
    /// How it is stored now.
    pub to: DType,
    /// Bytes that it had.
    pub bytes_before: u64,
    /// Bytes that it has, scales included.
    pub bytes_after: u64,
    /// How far its values have moved.
    pub deviation: Deviation,
}

/// Reports of the same name made one.
pub(super) fn merged(reports: impl Iterator<Item = TensorReport>) -> Vec<TensorReport> {
    let mut all: Vec<TensorReport> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for mut report in reports {
        report.name = numbers_as(&report.name, ".experts.", "*");
        match places.get(&report.name) {
            Some(&place) => {
                let sum = &mut all[place];
                sum.bytes_before += report.bytes_before;
                sum.bytes_after += report.bytes_after;
                sum.deviation += report.deviation;
            }
            None => {
                places.insert(report.name.clone(), all.len());
                all.push(report);
            }
        }
    }
    all
}

/// A name with something else for each number that follows `before`.
pub(super) fn numbers_as(name: &str, before: &str, number: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find(before) {
        let (head, tail) = rest.split_at(at + before.len());
        out += head;
        rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < tail.len() {
            out += number;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_experts_of_a_layer_are_one() {
        let report = |name: &str| TensorReport {
            name: name.to_owned(),
            from: DType::Bf16,
            to: DType::Q8_0,
            bytes_before: 64,
            bytes_after: 34,
            deviation: Deviation { squared_error: 1.0, squared_values: 4.0 },
        };
        let names = ["layers.0.mlp.experts.0.up", "layers.0.mlp.experts.31.up", "layers.0.q"];
        let merged = merged(names.iter().map(|name| report(name)));
        let names: Vec<&str> = merged.iter().map(|report| report.name.as_str()).collect();
        assert_eq!(names, ["layers.0.mlp.experts.*.up", "layers.0.q"]);
        assert_eq!((merged[0].bytes_before, merged[0].bytes_after), (128, 68));
        assert_eq!(merged[0].deviation.relative_rms(), 0.5);
        assert_eq!(numbers_as("a.12.b.3", ".", "N"), "a.N.b.N");
        assert_eq!(numbers_as("mlp.experts.down", ".experts.", "*"), "mlp.experts.down");
    }
}
