//! The parameters of generation that chats and raw completions share: what `sampling.rs`,
//! `structured.rs` and their neighbours read, with the same bounds.

use serde_json::json;
use throng_chat::Grammars;

use super::schema::{
    Member, Schema, anything, boolean, count, either, integer, list_of, number, number_above,
    object, one_of, request, text, text_of,
};
use crate::{logit_bias, sampling};

/// The members that chats and raw completions take.
pub(super) fn members() -> Vec<Member> {
    let mut members = vec![
        ("n", count(1..=sampling::MAX_CHOICES as u32).usually(1)),
        ("best_of", count(1..=u32::MAX)),
        ("stream", boolean().usually(false)),
        ("stream_options", stream_options()),
        ("user", anything()),
        ("metadata", anything()),
        ("store", anything()),
    ];
    members.extend(of_an_answer());
    members
}

/// Those that shape a single answer.
pub(super) fn of_an_answer() -> Vec<Member> {
    let mut members = vec![
        ("timeout", number_above(sampling::TIMEOUT)),
        ("cache_salt", text_of(1..=sampling::MAX_SALT_BYTES)),
        ("return_tokens_as_token_ids", boolean().usually(false)),
    ];
    members.extend(drawing());
    members.extend(ending());
    members.extend(forms());
    members
}

/// How tokens are drawn.
fn drawing() -> [Member; 9] {
    [
        ("seed", integer(i64::MIN..=i64::MAX).with("format", "int64")),
        ("temperature", number(sampling::TEMPERATURE)),
        ("top_p", number_above(sampling::TOP_P)),
        ("top_k", integer(sampling::TOP_K)),
        ("min_p", number(sampling::MIN_P).usually(0)),
        ("logit_bias", biases()),
        ("frequency_penalty", number(sampling::PENALTY).usually(0)),
        ("presence_penalty", number(sampling::PENALTY).usually(0)),
        ("repetition_penalty", number(sampling::REPETITION_PENALTY).usually(1)),
    ]
}

/// When an answer ends, besides its most tokens.
fn ending() -> [Member; 4] {
    let stop = || text_of(1..=sampling::MAX_STOP_BYTES);
    [
        ("min_tokens", count(0..=u32::MAX).usually(0)),
        ("stop", either([stop(), list_of(stop(), 0..=sampling::MAX_STOPS)])),
        ("stop_token_ids", list_of(token_id(), 0..=sampling::MAX_STOPS)),
        ("ignore_eos", boolean().usually(false)),
    ]
}

/// The forms that an answer may be held to, under vLLM's names.
fn forms() -> [Member; 5] {
    [
        ("structured_outputs", structured_outputs()),
        ("guided_json", json_schema()),
        ("guided_regex", grammar()),
        ("guided_choice", choice()),
        ("guided_grammar", grammar()),
    ]
}

/// A token of the model's vocabulary.
pub(super) fn token_id() -> Schema {
    count(0..=u32::MAX)
}

fn stream_options() -> Schema {
    request(
        [],
        [
            ("include_usage", boolean().says("A last chunk tells the usage.")),
            ("include_obfuscation", anything().says("It may be there and changes nothing.")),
        ],
    )
}

fn biases() -> Schema {
    object()
        .with("propertyNames", json!({ "pattern": "^(0|[1-9][0-9]{0,9})$" }))
        .with("additionalProperties", number(logit_bias::RANGE).or_null())
        .with("maxProperties", logit_bias::MAX_ENTRIES)
}

fn structured_outputs() -> Schema {
    let settled = || one_of([false]).says("Settled by this server.");
    request(
        [],
        [
            ("json", json_schema()),
            ("regex", grammar()),
            ("choice", choice()),
            ("grammar", grammar()),
            ("json_object", boolean()),
            ("disable_any_whitespace", settled()),
            ("disable_additional_properties", settled()),
            ("disable_fallback", anything().says("It may be there and changes nothing.")),
        ],
    )
}

/// A JSON schema, as it is or as a text of it.
fn json_schema() -> Schema {
    either([object(), text_of(0..=Grammars::MAX_BYTES)])
}

fn grammar() -> Schema {
    text_of(0..=Grammars::MAX_BYTES)
}

fn choice() -> Schema {
    list_of(text(), 1..=Grammars::MAX_CHOICES)
}
