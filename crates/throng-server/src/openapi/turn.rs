//! What `POST /v1/chat/completions` answers, as `chat_completions/` writes it.

use super::outcome::{finish_reason, logprob};
use super::schema::{Member, Schema, amount, answer, constant, list, named, null, text};

/// Schemas by name.
pub(super) fn schemas() -> [Member; 5] {
    [
        ("ChatCompletion", completion()),
        ("ChatCompletionChunk", chunk()),
        ("AnsweredToolCall", answered_tool_call()),
        ("ContentLogprobs", content_logprobs()),
        ("ScoredToken", scored_token()),
    ]
}

fn completion() -> Schema {
    let reasoning = || text().or_null();
    let message = answer(
        [
            ("role", constant("assistant")),
            ("content", text().or_null().says("`null` where the model only calls functions.")),
            ("refusal", null()),
            ("reasoning", reasoning()),
            ("reasoning_content", reasoning().says("The same, under its other name.")),
        ],
        [("tool_calls", list(named("AnsweredToolCall")))],
    );
    let choice = answer(
        [
            ("index", amount()),
            ("message", message),
            ("logprobs", named("ContentLogprobs").or_null()),
            ("finish_reason", finish_reason(&["stop", "length", "tool_calls"])),
        ],
        [],
    );
    answer(
        [
            ("id", text()),
            ("object", constant("chat.completion")),
            ("created", amount().says("Seconds since 1970.")),
            ("model", text()),
            ("choices", list(choice)),
            ("usage", named("Usage")),
        ],
        [],
    )
}

fn chunk() -> Schema {
    let function = answer([("arguments", text())], [("name", text())]);
    let call = answer(
        [("index", amount()), ("function", function)],
        [("id", text()), ("type", constant("function"))],
    );
    let delta = answer(
        [],
        [
            ("role", constant("assistant")),
            ("content", text()),
            ("reasoning", text()),
            ("reasoning_content", text()),
            ("tool_calls", list(call)),
        ],
    );
    let choice = answer(
        [
            ("index", amount()),
            ("delta", delta),
            ("logprobs", named("ContentLogprobs").or_null()),
            ("finish_reason", finish_reason(&["stop", "length", "tool_calls"]).or_null()),
        ],
        [],
    );
    let last =
        "Where `include_usage` asks for it: `null`, and the usage in a last chunk without choices.";
    answer(
        [
            ("id", text()),
            ("object", constant("chat.completion.chunk")),
            ("created", amount().says("Seconds since 1970.")),
            ("model", text()),
            ("choices", list(choice)),
        ],
        [("usage", named("Usage").or_null().says(last))],
    )
}

fn answered_tool_call() -> Schema {
    let arguments = text().says("JSON, as the model wrote it.");
    let function = answer([("name", text()), ("arguments", arguments)], []);
    answer([("id", text()), ("type", constant("function")), ("function", function)], [])
}

fn content_logprobs() -> Schema {
    answer([("content", list(named("ScoredToken"))), ("refusal", null())], [])
}

/// A token of an answer, how probable it was, and what the most probable ones in its place were.
fn scored_token() -> Schema {
    let of_token = || -> Vec<Member> {
        vec![("token", text()), ("logprob", logprob()), ("bytes", list(amount()))]
    };
    let mut scored = of_token();
    scored.push(("top_logprobs", list(answer(of_token(), []))));
    answer(scored, [])
}
