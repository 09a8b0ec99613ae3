//! The paths of the document: those of `routes.rs` that are for programs.

use serde_json::{Value, json};

use super::operation::Operation;
use super::responses::include;
use super::schema::{amount, boolean, count, named, one_of, text};
use crate::metrics;
use crate::responses::{MAX_PAGE, PAGE};

const CHATS: &str = "Chats";
const RESPONSES: &str = "Responses";
const COMPLETIONS: &str = "Completions";
const TOKENS: &str = "Tokens";
const MODELS: &str = "Models";
const SERVER: &str = "Server";

/// What `include` asks for of a response that is kept.
const INCLUDE: &str = "It may be there and changes nothing; also as `include[]`.";

/// What groups the operations, with a word on each group.
pub(super) fn tags() -> Value {
    let tags = [
        (CHATS, "The next turn of a conversation."),
        (RESPONSES, "The same with what the server keeps of it."),
        (COMPLETIONS, "Raw text, continued."),
        (TOKENS, "What a text is to the model."),
        (MODELS, "What is served."),
        (SERVER, "How the server is."),
    ];
    tags.map(|(name, description)| json!({ "name": name, "description": description })).into()
}

/// All paths.
pub(super) fn paths() -> Value {
    json!({
        "/v1/chat/completions": { "post": chat().build() },
        "/v1/responses": { "post": respond().build() },
        "/v1/responses/{id}": { "get": response().build(), "delete": forget().build() },
        "/v1/responses/{id}/cancel": { "post": cancel().build() },
        "/v1/responses/{id}/input_items": { "get": input_items().build() },
        "/v1/completions": { "post": completion().build() },
        "/tokenize": { "post": tokenize().build() },
        "/detokenize": { "post": detokenize().build() },
        "/v1/models": { "get": models().build() },
        "/v1/models/{id}": { "get": model().build() },
        "/health": { "get": health().build() },
        "/version": { "get": version().build() },
        "/metrics": { "get": metrics().build() },
        "/openapi.json": { "get": document().build() },
    })
}

fn chat() -> Operation {
    Operation::new("createChatCompletion", CHATS, "The model's next turn")
        .takes(
            "ChatCompletionRequest",
            json!({
                "model": "nano",
                "messages": [{ "role": "user", "content": "What is 37 * 48?" }],
                "reasoning_effort": "high",
            }),
        )
        .gives_or_streams(
            "The turn; with `stream`, in chunks as it is written.",
            "ChatCompletion",
            "ChatCompletionChunk",
        )
        .refuses(&["ModelNotFound", "TooManyRequests", "TimedOut"])
}

fn respond() -> Operation {
    Operation::new("createResponse", RESPONSES, "The model's next turn, in items")
        .takes(
            "ResponseRequest",
            json!({ "model": "nano", "input": "What is 37 * 48?", "reasoning": { "effort": "high" } }),
        )
        .gives_or_tells(
            "The response, whole or, with `background`, as it begins; with `stream`, in events as it is \
             written.",
            "Response",
            "ResponseEvent",
        )
        .leads_to(&["retrieveResponse", "listInputItems", "cancelResponse", "deleteResponse"])
        .refuses(&["ModelNotFound", "TooManyRequests", "TimedOut"])
}

fn response() -> Operation {
    let words =
        "Its events once more, for a response that was asked for with `background` and `stream`.";
    let after = "With `stream`: the number of the last event that is known already.";
    kept("retrieveResponse", "A response that is kept, or is being written")
        .asks("stream", words, boolean().usually(false))
        .asks("starting_after", after, amount())
        .asks("include", INCLUDE, include())
        .asks("include_obfuscation", "It may be there and changes nothing.", boolean())
        .gives_or_tells("The response as it is now, or its events.", "Response", "ResponseEvent")
        .refuses(&["BadQuery"])
}

fn forget() -> Operation {
    kept("deleteResponse", "A response is forgotten")
        .says("One that is being written in the background ends.")
        .gives("It is.", "DeletedResponse")
}

fn cancel() -> Operation {
    kept("cancelResponse", "A response in the background ends")
        .says("One that is over stays as it is.")
        .gives("The response.", "Response")
        .refuses(&["NotInBackground", "TooManyRequests"])
}

fn input_items() -> Operation {
    let most = u32::try_from(MAX_PAGE).expect("a small constant");
    kept("listInputItems", "What a response answers")
        .asks("order", "By time.", one_of(["asc", "desc"]).usually("desc"))
        .asks("limit", "Items at most.", count(1..=most).usually(PAGE))
        .asks("after", "The id of the last item that is known already.", text())
        .asks("include", INCLUDE, include())
        .gives("The items of its conversation, page by page.", "ItemList")
        .refuses(&["BadQuery"])
}

/// An operation on a response that is kept.
fn kept(id: &str, summary: &str) -> Operation {
    Operation::new(id, RESPONSES, summary)
        .at("id", "The response's id.", None)
        .refuses(&["ResponseNotFound"])
}

fn completion() -> Operation {
    Operation::new("createCompletion", COMPLETIONS, "A text's continuation")
        .takes(
            "CompletionRequest",
            json!({ "model": "nano", "prompt": "One machine, one set of weights,", "seed": 1 }),
        )
        .gives_or_streams(
            "The continuations; with `stream`, in chunks as they are written.",
            "Completion",
            "CompletionChunk",
        )
        .refuses(&["ModelNotFound", "TooManyRequests", "TimedOut"])
}

fn tokenize() -> Operation {
    Operation::new("tokenize", TOKENS, "Text or a conversation to token ids")
        .says("As the endpoints that answer them make them; the form is vLLM's.")
        .takes("TokenizeRequest", json!({ "prompt": "One machine, one set of weights" }))
        .gives("The token ids, and how many they are.", "Tokens")
        .refuses(&["ModelNotFound", "TooManyRequests"])
}

fn detokenize() -> Operation {
    Operation::new("detokenize", TOKENS, "Token ids to text")
        .says("Special tokens by their names, and U+FFFD in the place of what is not valid UTF-8.")
        .takes("DetokenizeRequest", json!({ "tokens": [72, 101, 108, 108, 111] }))
        .gives("The text.", "Text")
        .refuses(&["ModelNotFound", "TooManyRequests"])
}

fn models() -> Operation {
    Operation::new("listModels", MODELS, "What is served")
        .gives("The model, in a list of one.", "ModelList")
}

fn model() -> Operation {
    Operation::new("retrieveModel", MODELS, "The model of one of its names")
        .at("id", "A name of the model that is served.", Some("nano"))
        .gives("The model.", "Model")
        .refuses(&["ModelNotFound"])
}

fn health() -> Operation {
    let content = || json!({ "application/json": { "schema": named("Health") } });
    Operation::open("health", SERVER, "Whether requests are answered")
        .responds(200, "They are.", content())
        .responds(503, "Not yet, or no more.", content())
}

fn version() -> Operation {
    Operation::open("version", SERVER, "Which throng this is").gives("The version.", "Version")
}

fn metrics() -> Operation {
    let media_type = metrics::MEDIA_TYPE;
    Operation::open("metrics", SERVER, "What happens here, for Prometheus")
        .responds(
            200,
            "Prometheus's text format. Names are vLLM's where it has the same quantity.",
            json!({ media_type: { "schema": { "type": "string" } } }),
        )
        .refuses(&["Unavailable"])
}

fn document() -> Operation {
    Operation::open("openapi", SERVER, "This document").responds(
        200,
        "OpenAPI 3.1.",
        json!({ "application/json": { "schema": { "type": "object" } } }),
    )
}
