//! What `/v1/responses` answers: responses, their items, and the events that tell of them.

use super::schema::{
    Member, Schema, amount, answer, anything, boolean, constant, either, list, named, number,
    object, one_of, text,
};
use crate::sampling::{TEMPERATURE, TOP_P};

/// Schemas by name.
pub(super) fn schemas() -> [Member; 6] {
    [
        ("Response", response()),
        ("Item", item()),
        ("ItemPart", part()),
        ("ItemList", item_list()),
        ("ResponseEvent", event()),
        ("DeletedResponse", deleted()),
    ]
}

/// A response: what became of it, then what it repeats of its request.
fn response() -> Schema {
    let statuses = ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"];
    let error = answer([("code", text()), ("message", text())], []);
    let incomplete = answer([("reason", constant("max_output_tokens"))], []);
    let mut members = vec![
        ("id", text()),
        ("object", constant("response")),
        ("created_at", amount().says("Seconds since 1970.")),
        ("completed_at", amount().or_null().says("Seconds since 1970.")),
        ("status", one_of(statuses)),
        ("error", error.or_null()),
        ("incomplete_details", incomplete.or_null()),
        ("output", list(named("Item"))),
        ("usage", usage().or_null().says("`null` until it is over, and where it never began.")),
    ];
    members.extend(repeated());
    answer(members, [])
}

fn repeated() -> Vec<Member> {
    let text_or_null = || text().or_null();
    let reasoning = answer([("effort", text()), ("summary", text_or_null())], []);
    vec![
        ("model", text()),
        ("previous_response_id", text_or_null()),
        ("instructions", text_or_null()),
        ("tools", list(object())),
        ("tool_choice", anything()),
        ("parallel_tool_calls", boolean()),
        ("text", answer([("format", object()), ("verbosity", constant("medium"))], [])),
        ("reasoning", reasoning),
        ("max_output_tokens", amount().or_null()),
        ("max_tool_calls", amount().or_null()),
        ("top_logprobs", amount()),
        ("temperature", number(TEMPERATURE)),
        ("top_p", number(TOP_P)),
        ("store", boolean()),
        ("background", boolean()),
        ("metadata", object()),
        ("user", text_or_null()),
        ("safety_identifier", text_or_null()),
        ("prompt_cache_key", text_or_null()),
        ("prompt_cache_retention", text_or_null()),
        ("truncation", constant("disabled")),
        ("service_tier", constant("default")),
    ]
}

fn usage() -> Schema {
    let input = answer([("cached_tokens", amount()), ("cache_write_tokens", amount())], []);
    answer(
        [
            ("input_tokens", amount()),
            ("input_tokens_details", input),
            ("output_tokens", amount().says("Those of the reasoning among them.")),
            ("output_tokens_details", answer([("reasoning_tokens", amount())], [])),
            ("total_tokens", amount()),
        ],
        [],
    )
}

fn item() -> Schema {
    let of = |kind, members: Vec<Member>| {
        let statuses = ["in_progress", "completed", "incomplete"];
        let first = [("id", text()), ("type", constant(kind)), ("status", one_of(statuses))];
        answer(first.into_iter().chain(members), [])
    };
    let roles = one_of(["user", "system", "developer", "assistant"]);
    let content = || list(named("ItemPart")).says("One part, or none before its first word.");
    let nothing = list(object()).with("maxItems", 0);
    either([
        of("message", vec![("role", roles), ("content", content())]),
        of("reasoning", vec![("summary", nothing), ("content", content())]),
        of("function_call", vec![("call_id", text()), ("name", text()), ("arguments", text())]),
        of("function_call_output", vec![("call_id", text()), ("output", text())]),
    ])
}

fn part() -> Schema {
    let of_the_model = [
        ("type", constant("output_text")),
        ("text", text()),
        ("annotations", list(object()).with("maxItems", 0)),
        ("logprobs", list(named("ScoredToken"))),
    ];
    let kinds = one_of(["input_text", "reasoning_text"]);
    either([answer(of_the_model, []), answer([("type", kinds), ("text", text())], [])])
}

fn item_list() -> Schema {
    answer(
        [
            ("object", constant("list")),
            ("data", list(named("Item"))),
            ("first_id", text().or_null()),
            ("last_id", text().or_null()),
            ("has_more", boolean()),
        ],
        [],
    )
}

/// An event: all have a type and a number, the rest says what of the response they are about.
fn event() -> Schema {
    let states = ["created", "queued", "in_progress", "completed", "incomplete", "failed"];
    let item = vec![("output_index", amount()), ("item", named("Item"))];
    let part = in_part(vec![("part", named("ItemPart"))]);
    let scored = || list(named("ScoredToken"));
    either([
        told(&states, vec![("response", named("Response"))]),
        told(&["output_item.added", "output_item.done"], item),
        told(&["content_part.added", "content_part.done"], part),
        told(&["reasoning_text.delta"], in_part(vec![("delta", text())])),
        told(&["reasoning_text.done"], in_part(vec![("text", text())])),
        told(&["output_text.delta"], in_part(vec![("delta", text()), ("logprobs", scored())])),
        told(&["output_text.done"], in_part(vec![("text", text()), ("logprobs", scored())])),
        told(&["function_call_arguments.delta"], in_item(vec![("delta", text())])),
        told(
            &["function_call_arguments.done"],
            in_item(vec![("name", text()), ("arguments", text())]),
        ),
        error(),
    ])
}

/// Events of these kinds.
fn told(kinds: &[&str], members: Vec<Member>) -> Schema {
    let kinds = kinds.iter().map(|kind| format!("response.{kind}"));
    let first = [("type", one_of(kinds)), ("sequence_number", amount())];
    answer(first.into_iter().chain(members), [])
}

fn in_item(members: Vec<Member>) -> Vec<Member> {
    let mut all = vec![("item_id", text()), ("output_index", amount())];
    all.extend(members);
    all
}

fn in_part(members: Vec<Member>) -> Vec<Member> {
    let mut all = in_item(vec![("content_index", amount())]);
    all.extend(members);
    all
}

/// What went wrong; `response.failed` comes behind it.
fn error() -> Schema {
    let members = [
        ("type", constant("error")),
        ("sequence_number", amount()),
        ("code", text().or_null()),
        ("message", text()),
        ("param", text().or_null()),
    ];
    answer(members, [])
}

fn deleted() -> Schema {
    answer([("id", text()), ("object", constant("response")), ("deleted", one_of([true]))], [])
}
