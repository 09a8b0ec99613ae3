//! Results for programs: an object a case, each complete in itself.

use serde_json::{Value, json};
use throng_bench::{Case, Measurement, Samples};
use throng_model::Precision;

use super::offline::Results;

/// A line a case.
pub fn lines(results: &Results) -> impl Iterator<Item = Value> {
    results.measurements.iter().map(|measurement| line(results, measurement))
}

fn line(results: &Results, measurement: &Measurement) -> Value {
    let plan = &results.plan;
    let mut line = json!({
        "model": results.model,
        "exact": results.precision == Precision::Exact,
        "threads": results.threads,
        "max_num_batched_tokens": plan.chunk,
    });
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
    });
    for more in [case, numbers] {
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
    }
    line
}

fn spread(samples: &Samples) -> Value {
    json!({ "median": samples.median(), "min": samples.min(), "max": samples.max() })
}
