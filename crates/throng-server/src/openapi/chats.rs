//! The body of `POST /v1/chat/completions`, as `chat_completions/` reads it.

use serde_json::json;
use throng_chat::Effort;

use super::schema::{
    Member, Schema, anything, boolean, constant, count, either, list_of, named, object, one_of,
    request, text,
};
use super::{generation, words};
use crate::chat_completions::{MADE_OF_IT, MAX_MESSAGES, MAX_PARTS, MAX_TOOLS, REPLAYED};
use crate::sampling::MAX_TOP_LOGPROBS;

/// Schemas by name.
pub(super) fn schemas() -> [Member; 5] {
    [
        ("ChatCompletionRequest", chat_request()),
        ("Message", message()),
        ("Content", content(&[])),
        ("ReplayedContent", content(&REPLAYED)),
        ("ToolCall", tool_call()),
    ]
}

/// The members of a body that become the prompt.
pub(super) fn conversation() -> Vec<Member> {
    vec![
        ("reasoning_effort", effort()),
        ("tools", list_of(named("Tool"), 0..=MAX_TOOLS)),
        ("tool_choice", named("ToolChoice")),
        ("parallel_tool_calls", boolean().usually(true)),
        ("response_format", named("ResponseFormat")),
        ("chat_template_kwargs", object()),
    ]
}

/// How long to think.
pub(super) fn effort() -> Schema {
    one_of(Effort::WORDS.map(|(word, _)| word)).usually(Effort::default().name())
}

/// The `messages` of a body.
pub(super) fn messages() -> Schema {
    list_of(named("Message"), 1..=MAX_MESSAGES)
}

fn chat_request() -> Schema {
    let mut optional = conversation();
    optional.extend([
        ("max_completion_tokens", count(1..=u32::MAX)),
        ("max_tokens", count(1..=u32::MAX)),
        ("logprobs", boolean().usually(false)),
        ("top_logprobs", count(0..=MAX_TOP_LOGPROBS)),
        ("include_reasoning", boolean().usually(true)),
        ("prediction", prediction()),
    ]);
    optional.extend(generation::members());
    optional.extend([
        ("service_tier", one_of(["auto", "default"])),
        ("modalities", one_of([json!(["text"])])),
        ("verbosity", one_of(["medium"])),
        ("safety_identifier", anything()),
        ("prompt_cache_key", anything()),
        ("prompt_cache_retention", anything()),
    ]);
    let body = request([("model", text()), ("messages", messages())], optional);
    words::add(body, &["Both endpoints", "Chats alone"])
}

/// What the client knows of the answer.
fn prediction() -> Schema {
    request([("type", constant("content")), ("content", named("Content"))], [])
}

fn message() -> Schema {
    let instructions = request(
        [("role", one_of(["system", "developer"])), ("content", named("Content"))],
        [("name", ignored())],
    );
    let user =
        request([("role", constant("user")), ("content", named("Content"))], [("name", ignored())]);
    let result = request(
        [
            ("role", constant("tool")),
            ("tool_call_id", text().says("Of a call in an earlier turn of the model.")),
            ("content", named("Content")),
        ],
        [("name", ignored())],
    );
    either([
        instructions.says("Instructions for the model."),
        user.says("What the person says."),
        assistant().says("A turn that the model took."),
        result.says("What a called function gave."),
    ])
}

/// It says something, thinks or calls.
fn assistant() -> Schema {
    let one = |name: &str, value| json!({ "required": [name], "properties": { name: value } });
    let own = [
        ("content", named("ReplayedContent")),
        ("reasoning", text()),
        ("reasoning_content", text().says("Another name of `reasoning`.")),
        ("tool_calls", list_of(named("ToolCall"), 0..=MAX_PARTS)),
        ("annotations", one_of([json!([])])),
        ("name", ignored()),
    ];
    request([("role", constant("assistant"))], own.into_iter().chain(all_ignored(&MADE_OF_IT)))
        .with(
            "anyOf",
            [
                one("content", json!({ "type": ["string", "array"] })),
                one("tool_calls", json!({ "type": "array", "minItems": 1 })),
                one("reasoning", json!({ "type": "string", "minLength": 1 })),
                one("reasoning_content", json!({ "type": "string", "minLength": 1 })),
            ],
        )
}

/// Text; members of a part that are `unread` mean nothing.
fn content(unread: &[&'static str]) -> Schema {
    let part = request([("type", constant("text")), ("text", text())], all_ignored(unread));
    either([text(), list_of(part, 0..=MAX_PARTS)])
        .says("A text, or parts of one that follow each other as they are.")
}

fn tool_call() -> Schema {
    let function = request(
        [("name", text()), ("arguments", text().says("JSON, as a text."))],
        all_ignored(&MADE_OF_IT),
    );
    let optional = [("type", constant("function")), ("index", ignored())];
    request(
        [("id", text()), ("function", function)],
        optional.into_iter().chain(all_ignored(&MADE_OF_IT)),
    )
}

/// What may be there and changes nothing.
pub(super) fn ignored() -> Schema {
    anything().says("It may be there and changes nothing.")
}

fn all_ignored(names: &[&'static str]) -> impl Iterator<Item = Member> {
    names.iter().map(|name| (*name, ignored()))
}
