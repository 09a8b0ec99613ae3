//! The result for programs: one object, unrounded.

use serde_json::{Map, Value, json};
use throng_bench::{Samples, Windows};
use throng_model::Precision;

use super::Results;
use super::side::Side;

/// All that was measured; nats, bytes and tokens.
pub fn object(results: &Results) -> Value {
    let Results { model, reference, windows, documents, quality } = results;
    let (how, stride) = match windows {
        Windows::Sliding { stride, .. } => ("sliding", Some(stride.get())),
        Windows::Disjoint { .. } => ("disjoint", None),
    };
    let mut object = subject(model);
    object.extend(fields(json!({
        "documents": documents.len(),
        "tokens": results.tokens(),
        "windows": { "how": how, "context": windows.context(), "stride": stride, "read": quality.windows },
        "counted": quality.surprises.count(),
        "perplexity": quality.perplexity(),
        "nll": mean(&quality.surprises),
    })));
    if let (Some((side, typed)), Some(agreement)) = (reference, &quality.agreement) {
        let mut beside = subject(side);
        beside.extend(fields(json!({
            "settings": typed,
            "perplexity": agreement.perplexity(),
            "nll": mean(&agreement.surprises),
        })));
        let kl = &agreement.divergences;
        object.extend(fields(json!({
            "reference": beside,
            "nll_difference": mean(&agreement.differences),
            "kl": {
                "mean": kl.mean(),
                "standard_error": kl.standard_error(),
                "median": kl.median(),
                "p99": kl.percentile(99.0),
                "max": kl.max(),
            },
            "top_1_agreement": agreement.top_1(),
        })));
    }
    Value::Object(object)
}

fn subject(side: &Side) -> Map<String, Value> {
    let memory = side.memory();
    fields(json!({
        "model": side.title(),
        "exact": side.precision() == Precision::Exact,
        "kv_cache_dtype": side.kv_dtype().name(),
        "weights_bytes": memory.weights_bytes,
        "kv_bytes": memory.kv_bytes,
    }))
}

fn mean(samples: &Samples) -> Value {
    json!({ "mean": samples.mean(), "standard_error": samples.standard_error() })
}

fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
