//! `POST /tokenize` and `POST /detokenize`: what `tokenize.rs` and `detokenize.rs` read and write.

use serde_json::json;

use super::schema::{Member, Schema, amount, answer, boolean, either, list, one_of, request, text};
use super::{chats, generation, words};

/// Schemas by name.
pub(super) fn schemas() -> [Member; 4] {
    [
        ("TokenizeRequest", tokenize_request()),
        ("Tokens", tokens()),
        ("DetokenizeRequest", detokenize_request()),
        ("Text", answer([("prompt", text())], [])),
    ]
}

fn tokenize_request() -> Schema {
    let of_text = request(
        [("prompt", text())],
        [
            ("model", text()),
            ("add_special_tokens", boolean().usually(true)),
            ("return_token_strs", one_of([false])),
        ],
    );
    let mut optional = chats::conversation();
    optional.extend([
        ("model", text()),
        ("add_generation_prompt", boolean().usually(true)),
        ("return_token_strs", one_of([false])),
        ("add_special_tokens", one_of([false])),
        ("continue_final_message", one_of([false])),
        ("mm_processor_kwargs", one_of([json!({})])),
    ]);
    let of_messages = request([("messages", chats::messages())], optional);
    let of_text = words::add(of_text, &["Tokens of a text"]);
    let of_messages = words::add(of_messages, &["Tokens of a conversation"]);
    either([of_text.says("Of a raw text."), of_messages.says("Of a conversation.")])
}

fn tokens() -> Schema {
    answer(
        [
            ("count", amount()),
            ("max_model_len", amount().says("Tokens that a prompt and its answer share.")),
            ("tokens", list(generation::token_id())),
        ],
        [],
    )
}

fn detokenize_request() -> Schema {
    let body = request([("tokens", list(generation::token_id()))], [("model", text())]);
    words::add(body, &["Text of tokens"])
}
