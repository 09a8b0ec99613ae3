//! Functions that a model may call, whether it must, and the form of its answer: chats have them as
//! objects within others, responses flat (`tool_choice.rs`, `chat_completions/tools.rs`,
//! `responses/tools.rs`, `responses/options.rs`).

use serde_json::json;

use super::schema::{
    Member, Schema, boolean, constant, either, list, object, one_of, request, text,
};
use crate::chat_completions::MAX_NAME;
use crate::tool_choice::Shape;

/// Schemas by name: those of chats, then those of responses.
pub(super) fn schemas() -> [Member; 6] {
    [
        ("Tool", tool(Shape::Nested)),
        ("ToolChoice", choice(Shape::Nested)),
        ("ResponseFormat", format(Shape::Nested)),
        ("FunctionTool", tool(Shape::Flat)),
        ("FunctionChoice", choice(Shape::Flat)),
        ("TextFormat", format(Shape::Flat)),
    ]
}

/// What a function or a schema may be called.
fn name() -> Schema {
    text().with("pattern", format!("^[A-Za-z0-9_.-]{{1,{MAX_NAME}}}$"))
}

fn tool(shape: Shape) -> Schema {
    let held = "The arguments of a call are as the schema says.";
    let described = [
        ("description", text()),
        ("parameters", object().says("A JSON schema.")),
        ("strict", boolean().usually(false).says(held)),
    ];
    match shape {
        Shape::Nested => {
            request([("function", request([("name", name())], described))], [function_type()])
        }
        Shape::Flat => {
            let own = [
                function_type(),
                ("defer_loading", one_of([false])),
                ("allowed_callers", one_of([json!(["direct"])])),
                ("async", one_of([false])),
            ];
            request([("name", name())], own.into_iter().chain(described))
        }
    }
}

/// Which function is meant.
fn named(shape: Shape) -> Member {
    match shape {
        Shape::Nested => ("function", request([("name", text())], [])),
        Shape::Flat => ("name", text()),
    }
}

fn function_type() -> Member {
    ("type", constant("function"))
}

fn choice(shape: Shape) -> Schema {
    let one = request([function_type(), named(shape)], []);
    let tools = ("tools", list(request([named(shape)], [function_type()])));
    let mode = ("mode", one_of(["auto", "required"]).usually("auto"));
    let kind = ("type", constant("allowed_tools"));
    let several = match shape {
        Shape::Nested => request([kind, ("allowed_tools", request([tools], [mode]))], []),
        Shape::Flat => request([kind, tools], [mode]),
    };
    either([
        one_of(["none", "auto", "required"]),
        one.says("This function is called."),
        several.says("Of these one may be called, or must."),
    ])
}

fn format(shape: Shape) -> Schema {
    let of = |kind| request([("type", constant(kind))], []);
    let schema = [("name", name()), ("schema", object())];
    let more = [("description", text()), ("strict", boolean())];
    let kind = ("type", constant("json_schema"));
    let held = match shape {
        Shape::Nested => request([kind, ("json_schema", request(schema, more))], []),
        Shape::Flat => request([kind].into_iter().chain(schema), more),
    };
    either([of("text"), of("json_object"), held])
}
