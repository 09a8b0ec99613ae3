//! The body of `POST /v1/responses`, as `responses/` reads it.

use serde_json::json;

use super::chats::{effort, ignored};
use super::schema::{
    Member, Schema, anything, boolean, constant, count, either, list, list_of, named, object,
    one_of, request, text, text_of,
};
use super::{generation, words};
use crate::chat_completions::MAX_TOOLS;
use crate::responses::{INCLUDABLE, MAX_KEY, MAX_PAIRS, MAX_VALUE};
use crate::sampling::MAX_TOP_LOGPROBS;

/// Schemas by name.
pub(super) fn schemas() -> [Member; 3] {
    [
        ("ResponseRequest", response_request()),
        ("InputItem", input_item()),
        ("InputText", input_text()),
    ]
}

/// What an answer may be asked to hold besides itself.
pub(super) fn include() -> Schema {
    list(one_of(INCLUDABLE))
}

fn response_request() -> Schema {
    let input = either([text(), list_of(named("InputItem"), 1..=usize::MAX)]);
    let format = [("format", named("TextFormat")), ("verbosity", one_of(["medium"]))];
    let mut optional = vec![
        ("instructions", text()),
        ("previous_response_id", text()),
        ("max_output_tokens", count(1..=u32::MAX)),
        ("top_logprobs", count(0..=MAX_TOP_LOGPROBS).usually(0)),
        ("include", include()),
        ("reasoning", reasoning()),
        ("text", request([], format)),
        ("tools", list_of(named("FunctionTool"), 0..=MAX_TOOLS)),
        ("tool_choice", named("FunctionChoice")),
        ("parallel_tool_calls", boolean().usually(true)),
        ("max_tool_calls", count(1..=u32::MAX)),
        ("stream", boolean().usually(false)),
        ("stream_options", request([], [("include_obfuscation", ignored())])),
        ("background", boolean().usually(false)),
        ("store", boolean()),
        ("metadata", metadata()),
        ("user", text()),
        ("safety_identifier", text()),
        ("prompt_cache_key", text()),
        ("prompt_cache_retention", text()),
    ];
    optional.extend(generation::of_an_answer());
    optional.extend([
        ("service_tier", one_of(["auto", "default"])),
        ("truncation", one_of(["disabled"])),
        ("background_options", one_of([json!({ "completion_window": "soonest" })])),
        ("context_management", one_of([json!([])])),
        ("image", one_of([json!({ "context_compression": "auto" })])),
        ("prompt_cache_options", one_of([json!({ "mode": "implicit" })])),
    ]);
    let body = request([("model", text()), ("input", input)], optional);
    words::add(body, &["Both endpoints", "Responses"])
}

fn reasoning() -> Schema {
    request(
        [],
        [
            ("effort", effort()),
            ("summary", one_of(["auto"])),
            ("generate_summary", one_of(["auto"]).says("The name that `summary` had before.")),
            ("context", one_of(["auto", "current_turn"])),
            ("mode", one_of(["standard"])),
        ],
    )
}

fn metadata() -> Schema {
    object()
        .with("maxProperties", MAX_PAIRS)
        .with("propertyNames", json!({ "maxLength": MAX_KEY }))
        .with("additionalProperties", text_of(0..=MAX_VALUE))
}

fn input_item() -> Schema {
    let reference = request([("id", text())], [("type", constant("item_reference"))]);
    either([
        message().says("Somebody says something."),
        reasoning_item().says("What the model thought."),
        function_call().says("What the model called."),
        call_output().says("What a called function gave."),
        reference.says("An item of a response that is kept."),
    ])
}

fn message() -> Schema {
    let roles = one_of(["user", "system", "developer", "assistant"]);
    request(
        [("role", roles), ("content", named("InputText"))],
        [
            ("type", constant("message")),
            ("id", text()),
            ("status", ignored()),
            ("phase", ignored()),
        ],
    )
}

fn reasoning_item() -> Schema {
    let part = |kind| request([("type", constant(kind)), ("text", text())], []);
    let summary = "It stands for the `content` where that is not there or empty.";
    let encrypted = "Read by its writer alone: refused where there is no text beside it.";
    request(
        [("type", constant("reasoning"))],
        [
            ("content", list(part("reasoning_text"))),
            ("summary", list(part("summary_text")).says(summary)),
            ("encrypted_content", anything().says(encrypted)),
            ("id", text()),
            ("status", ignored()),
        ],
    )
}

fn function_call() -> Schema {
    request(
        [
            ("type", constant("function_call")),
            ("call_id", text()),
            ("name", text()),
            ("arguments", text().says("JSON, as a text.")),
        ],
        [("id", text()), ("status", ignored()), ("caller", caller()), ("async", one_of([false]))],
    )
}

fn call_output() -> Schema {
    request(
        [
            ("type", constant("function_call_output")),
            ("call_id", text()),
            ("output", named("InputText")),
        ],
        [("id", text()), ("status", ignored()), ("name", ignored()), ("caller", caller())],
    )
}

fn caller() -> Schema {
    one_of([json!({ "type": "direct" })])
}

fn input_text() -> Schema {
    let input = request(
        [("type", constant("input_text")), ("text", text())],
        [("prompt_cache_breakpoint", ignored())],
    );
    let output = request(
        [("type", constant("output_text")), ("text", text())],
        [("annotations", one_of([json!([])])), ("logprobs", ignored())],
    );
    either([text(), list(either([input, output]))])
        .says("A text, or parts of one that follow each other as they are.")
}
