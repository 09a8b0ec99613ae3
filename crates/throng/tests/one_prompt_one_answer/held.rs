//! Clients whose answers are held to a form: to Harmony's headers, to a call, to a schema.

use std::sync::{Arc, OnceLock};

use serde_json::json;
use throng_chat::{Calls, Chat, Demand, Form, Function, Grammar, Grammars, Opening};
use throng_engine::Constraint;

/// What one client's answers are held to, if to anything.
pub fn constraint(chat: &Chat, index: usize) -> Option<Arc<dyn Constraint>> {
    static GRAMMARS: OnceLock<Grammars> = OnceLock::new();
    let grammars = GRAMMARS.get_or_init(|| Grammars::new(chat.tokenizer().clone()));
    let schema = json!({
        "type": "object",
        "properties": { "sum": { "type": "integer" }, "why": { "enum": ["weights", "experts"] } },
        "required": ["sum", "why"],
        "additionalProperties": false,
    });
    let function =
        Function { name: "calculator".to_owned(), parameters: Some(schema.clone()), strict: true };
    let calls = Calls { functions: vec![function], required: true, ..Calls::default() };
    let demand = match index % 10 {
        1 => Demand { headers: true, ..Demand::default() },
        4 => Demand { calls, ..Demand::default() },
        9 => Demand { content: Some(Grammar::Json(schema)), ..Demand::default() },
        _ => return None,
    };
    let form = Form::of_answer(grammars, chat, Opening::Answer, &demand, chat.stop_tokens());
    Some(throng_server::constraint(form.unwrap().unwrap()))
}
