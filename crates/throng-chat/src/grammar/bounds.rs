//! Bounds of numbers that have to be narrower than llguidance's expressions for them.
//!
//! There a number above 100 and below 101 may be 100. So an exclusive bound that is an integer is moved
//! a little where the bound on the other side is less than 1 away.

use serde_json::{Map, Value, json};

/// How far a bound is moved at most.
const STEP: f64 = 1e-6;

/// A bound that leaves itself out, the one that would not, and those on the other side.
const SIDES: [(&str, &str, [&str; 2]); 2] = [
    ("exclusiveMinimum", "minimum", ["maximum", "exclusiveMaximum"]),
    ("exclusiveMaximum", "maximum", ["minimum", "exclusiveMinimum"]),
];

/// Narrows the bounds of a schema.
pub(super) fn narrow(schema: &mut Map<String, Value>) {
    for (exclusive, inclusive, others) in SIDES {
        let number = |name| schema.get(name).and_then(Value::as_f64);
        let Some(bound) = number(exclusive).filter(|bound| bound.fract() == 0.0) else { continue };
        let distances = others.into_iter().filter_map(number).map(|other| other - bound);
        let nearest = distances.min_by(|a, b| a.abs().total_cmp(&b.abs()));
        let Some(distance) = nearest.filter(|distance| distance.abs() < 1.0) else { continue };
        // Beside an inclusive bound on the same side it says nothing, or this one does.
        let moved = bound + (distance / 2.0).clamp(-STEP, STEP);
        if moved != bound && !schema.contains_key(inclusive) {
            schema.remove(exclusive);
            schema.insert(inclusive.to_owned(), json!(moved));
        }
    }
}
