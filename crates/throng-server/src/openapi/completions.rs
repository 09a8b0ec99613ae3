//! `POST /v1/completions`: what `completions/` reads and writes.

use super::outcome::{finish_reason, logprob};
use super::schema::{
    Member, Schema, amount, answer, boolean, constant, count, either, list, list_of, named, object,
    one_of, request, text,
};
use super::{generation, words};
use crate::completions::{DEFAULT_MAX_TOKENS, MAX_PROMPTS};
use crate::sampling::MAX_TOP_LOGPROBS;

/// Schemas by name.
pub(super) fn schemas() -> Vec<Member> {
    vec![
        ("CompletionRequest", completion_request()),
        ("Completion", completion()),
        ("CompletionChunk", chunk()),
        ("TextLogprobs", text_logprobs()),
    ]
}

fn completion_request() -> Schema {
    let mut optional = vec![
        ("max_tokens", count(0..=u32::MAX).usually(DEFAULT_MAX_TOKENS)),
        ("logprobs", count(0..=MAX_TOP_LOGPROBS)),
        ("echo", boolean().usually(false)),
    ];
    optional.extend(generation::members());
    optional.push(("suffix", one_of([""])));
    let body = request([("model", text()), ("prompt", prompt())], optional);
    words::add(body, &["Both endpoints", "Completions alone"])
}

fn prompt() -> Schema {
    let ids = || list_of(generation::token_id(), 1..=usize::MAX);
    either([text(), list_of(text(), 1..=MAX_PROMPTS), ids(), list_of(ids(), 1..=MAX_PROMPTS)])
}

fn completion() -> Schema {
    let choice = choice(finish_reason(&["stop", "length"]));
    answer(envelope(choice).into_iter().chain([("usage", named("Usage"))]), [])
}

fn chunk() -> Schema {
    let choice = choice(finish_reason(&["stop", "length"]).or_null());
    let last =
        "Where `include_usage` asks for it: `null`, and the usage in a last chunk without choices.";
    answer(envelope(choice), [("usage", named("Usage").or_null().says(last))])
}

fn choice(finish_reason: Schema) -> Schema {
    answer(
        [
            ("index", amount()),
            ("text", text()),
            ("logprobs", named("TextLogprobs").or_null()),
            ("finish_reason", finish_reason),
        ],
        [],
    )
}

fn envelope(choice: Schema) -> [Member; 5] {
    [
        ("id", text()),
        ("object", constant("text_completion")),
        ("created", amount().says("Seconds since 1970.")),
        ("model", text()),
        ("choices", list(choice)),
    ]
}

fn text_logprobs() -> Schema {
    let by_token = object().with("additionalProperties", logprob());
    let first = "The first of a prompt has none: nothing predicts it.";
    answer(
        [
            ("tokens", list(text())),
            ("token_logprobs", list(logprob().or_null()).says(first)),
            ("top_logprobs", list(by_token.or_null())),
            ("text_offset", list(amount()).says("In characters.")),
        ],
        [],
    )
}
