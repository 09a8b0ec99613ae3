//! A report as JSON: the numbers of the table, unrounded.

use serde_json::{Value, json};
use throng_engine::Verdict;
use throng_spec::{ModelSpec, Part};

use super::report::{Report, USERS};
use super::text;

/// All of it.
pub fn json(report: &Report) -> Value {
    let (spec, kv) = (&report.subject.spec, &report.kv);
    let stored = report.stored.iter().map(|(dtype, bytes)| (dtype.name().to_owned(), json!(bytes)));
    let mut json = shape(&report.subject.name, spec);
    json["parameters"] = parameters(report);
    json["bytes"] = json!({
        "total": report.stored_bytes(),
        "dtypes": Value::Object(stored.collect()),
    });
    json["kv"] = json!({
        "dtype": report.kv_dtype.name(),
        "token_bytes": kv.token,
        "sequence_bytes": kv.sequence,
        "token_bytes_without_windows": kv.token_without_windows,
        "user_bytes": report.user_kv_bytes(),
    });
    json["multiply_accumulates"] = json!({
        "weights": spec.linear_macs(),
        "attention": spec.attention_macs(report.context),
    });
    json["decode"] = decode(report);
    json["memory"] = memory(report);
    json
}

fn shape(name: &str, spec: &ModelSpec) -> Value {
    let windows = spec.layers.iter().filter(|layer| layer.attention.window.is_some()).count();
    let mlp = spec.layers.iter().map(|layer| layer.mlp).max_by_key(|mlp| mlp.experts());
    let mixture = mlp.and_then(|mlp| mlp.mixture);
    json!({
        "name": name,
        "architecture": spec.architecture,
        "layers": spec.layers.len(),
        "full_layers": spec.layers.len() - windows,
        "windowed_layers": windows,
        "window": spec.layers.iter().find_map(|layer| layer.attention.window),
        "query_heads": spec.heads.query,
        "kv_heads": spec.heads.kv,
        "head_dim": spec.heads.dim,
        "hidden": spec.hidden,
        "mlp_width": mlp.map(|mlp| mlp.width),
        "experts": mixture.map(|mixture| mixture.experts),
        "active_experts": mixture.map(|mixture| mixture.active),
        "vocabulary": spec.vocab,
        "context": spec.context,
        "positions": text::positions(spec),
        "tied_head": spec.tied_head,
    })
}

fn parameters(report: &Report) -> Value {
    let spec = &report.subject.spec;
    let parts = Part::ALL.map(|part| {
        let parameters = spec.parameters_of(part);
        let numbers = json!({ "total": parameters.total, "active": parameters.active });
        (text::part(part).to_owned(), numbers)
    });
    json!({
        "total": spec.parameters(),
        "active": spec.active_parameters(),
        "active_with_embedding": report.active_with_embedding(),
        "parts": Value::Object(parts.into_iter().collect()),
    })
}

fn decode(report: &Report) -> Value {
    let bytes_per_second = report.setting.bytes_per_second;
    let steps = USERS.iter().zip(&report.steps).map(|(&users, bytes)| {
        json!({
            "users": users,
            "dense_bytes": bytes.dense,
            "expert_bytes": bytes.experts,
            "embedding_bytes": bytes.embeddings,
            "kv_bytes": bytes.kv,
            "bytes": bytes.total(),
            "tokens_per_second": bytes.tokens_per_second(users, bytes_per_second),
        })
    });
    json!({
        "context": report.context,
        "bytes_per_second": bytes_per_second,
        "steps": steps.collect::<Vec<_>>(),
    })
}

/// What is not known is null.
fn memory(report: &Report) -> Value {
    let memory = &report.memory;
    json!({
        "weights_bytes": memory.plan.weights_bytes,
        "kv_bytes": memory.plan.kv_bytes,
        "workspace_bytes": memory.plan.workspace_bytes,
        "total_bytes": memory.plan.total_bytes(),
        "free_bytes": memory.free_bytes,
        "fits": memory.free_bytes.map(|_| memory.verdict == Verdict::Fits),
    })
}
