//! What all answers share: how they ended, what they cost, and why there is none.

use serde_json::json;

use super::schema::{Member, Schema, amount, answer, anything, one_of, text};
use crate::logprobs;

/// Schemas by name.
pub(super) fn schemas() -> [Member; 2] {
    [("Usage", usage()), ("Error", error())]
}

/// How an answer ended.
pub(super) fn finish_reason(reasons: &[&str]) -> Schema {
    one_of(reasons.iter().copied())
}

/// How probable a token was: a natural logarithm.
pub(super) fn logprob() -> Schema {
    anything().with("type", "number").with("minimum", logprobs::LEAST)
}

fn usage() -> Schema {
    let cached = amount().says("Tokens of the prompt that the cache had already.");
    let drafted = "Of the tokens that speculative decoding drafted for the answers, those that";
    let details = [
        ("reasoning_tokens", amount()),
        ("accepted_prediction_tokens", amount().says(&format!("{drafted} came."))),
        ("rejected_prediction_tokens", amount().says(&format!("{drafted} did not come."))),
    ];
    answer(
        [
            ("prompt_tokens", amount()),
            ("completion_tokens", amount().says("Those of the reasoning among them.")),
            ("total_tokens", amount()),
            ("prompt_tokens_details", answer([("cached_tokens", cached)], [])),
            ("completion_tokens_details", answer(details, [])),
        ],
        [],
    )
}

fn error() -> Schema {
    // The last two say which limit of a key is reached.
    let kinds = [
        "invalid_request_error",
        "rate_limit_error",
        "server_error",
        "timeout",
        "requests",
        "tokens",
    ];
    let inner = answer(
        [
            ("message", text().with("minLength", 1)),
            ("type", one_of(kinds)),
            ("param", text().or_null().says("The parameter that it is about, as a path.")),
            ("code", text().or_null().says("The reason, for programs.")),
        ],
        [],
    );
    answer([("error", inner)], []).with(
        "examples",
        json!([{ "error": {
            "message": "'temperature' must be between 0 and 2, not 3",
            "type": "invalid_request_error",
            "param": "temperature",
            "code": "invalid_value",
        } }]),
    )
}
