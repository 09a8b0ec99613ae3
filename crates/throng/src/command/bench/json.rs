//! Results for programs: an object a case, each complete in itself.

use serde_json::{Value, json};
use throng_bench::{Case, Measurement, Samples};
use throng_model::Precision;

use super::offline::Results;
use super::roofline;

/// A line a case, then one for each roofline.
pub fn lines(results: &Results) -> impl Iterator<Item = Value> {
    let cases = results.measurements.iter().map(|measurement| line(results, measurement));
    let rooflines = results.rooflines.iter().flat_map(move |rooflines| {
        let of_case = move |case| joined([of(results), roofline::line(rooflines, case)]);
        rooflines.cases.iter().map(of_case)
    });
    cases.chain(rooflines)
}

/// What every line begins with.
fn of(results: &Results) -> Value {
    json!({
        "model": results.model,
        "exact": results.precision == Precision::Exact,
        "kv_cache_dtype": results.kv_dtype.name(),
        "threads": results.threads,
        "max_num_batched_tokens": results.plan.chunk,
    })
}

fn line(results: &Results, measurement: &Measurement) -> Value {
    let plan = &results.plan;
    let case = match measurement.case {
        Case::Prefill { tokens } => json!({ "measured": "prefill", "prompt_tokens": tokens }),
        Case::Decode { users } => json!({
            "measured": "decode",
            "users": users,
            "context": plan.context,
            "generate_tokens": plan.generate,
        }),
    };
    let numbers = json!({
        "repeats": measurement.seconds.count(),
        "steps": measurement.steps,
        "tokens": measurement.tokens,
        "seconds": spread(&measurement.seconds),
        "tokens_per_second": measurement.rates().as_ref().map(spread),
        "bandwidth": measurement.bandwidth,
    });
    joined([of(results), case, numbers])
}

/// One object with all their fields.
fn joined<const N: usize>(objects: [Value; N]) -> Value {
    let fields = objects.into_iter().filter_map(|object| match object {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

fn spread(samples: &Samples) -> Value {
    json!({ "median": samples.median(), "min": samples.min(), "max": samples.max() })
}
