//! The endpoints that tell of the server: its model, its health, its version.

use throng_chat::Effort;

use super::schema::{Member, Schema, amount, answer, constant, list, named, one_of, text};

/// Schemas by name.
pub(super) fn schemas() -> [Member; 4] {
    let version = answer([("version", text())], []);
    let models = answer([("object", constant("list")), ("data", list(named("Model")))], []);
    [("Model", model()), ("ModelList", models), ("Health", health()), ("Version", version)]
}

fn model() -> Schema {
    let efforts = Effort::ALL.map(Effort::name);
    let told_apart = "Values of `reasoning_effort` that make a difference.";
    answer(
        [
            ("id", text()),
            ("object", constant("model")),
            ("created", amount().says("When it began to be served, in seconds since 1970.")),
            ("owned_by", text()),
            ("max_model_len", amount().says("Tokens that a prompt and its answer share.")),
            ("reasoning_efforts", list(one_of(efforts)).says(told_apart)),
        ],
        [],
    )
}

fn health() -> Schema {
    answer([("status", one_of(["ok", "loading", "draining", "dead"]))], [])
}
