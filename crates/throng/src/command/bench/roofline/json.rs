//! Rooflines for programs.

use serde_json::{Value, json};
use throng_bench::{Case, Part, Roofline};
use throng_ops::{Arithmetic, PerArithmetic};

use super::{Rooflines, text};

/// A step and its parts, without what all lines begin with.
pub fn line(rooflines: &Rooflines, case: &Roofline) -> Value {
    let (tokens, users) = match case.case {
        Case::Prefill { tokens } => (Some(tokens), None),
        Case::Decode { users } => (None, Some(users)),
    };
    let whole = case.total();
    json!({
        "measured": "roofline",
        "prompt_tokens": tokens,
        "users": users,
        "steps": case.steps,
        "seconds_a_step": whole.time.as_secs_f64(),
        "limit_seconds": case.limit().as_secs_f64(),
        "parts": case.parts.iter().map(part).collect::<Vec<_>>(),
        "isa": rooflines.isa.name(),
        "bandwidth": rooflines.bandwidth,
        "peaks": each(&rooflines.limits.peaks),
        "words": text::words(rooflines, case),
    })
}

fn part(part: &Part) -> Value {
    let Part { name, work, limit } = part;
    json!({
        "part": name,
        "seconds": work.time.as_secs_f64(),
        "bytes": work.bytes,
        "multiply_accumulates": each(&work.macs),
        "bound": limit.map(|limit| limit.bound.name()),
        "limit_seconds": limit.map(|limit| limit.time.as_secs_f64()),
    })
}

fn each<T: Copy + Into<Value>>(values: &PerArithmetic<T>) -> Value {
    let fields = Arithmetic::ALL.map(|each| (each.name().to_owned(), values.of(each).into()));
    Value::Object(fields.into_iter().collect())
}
