//! Forms of answers for the tests.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use throng_chat::{
    Calls, Chat, Compiled, Delta, Demand, Form, FormError, Formed, Function, Grammar, GrammarError,
    Grammars, Opening, Reply, Tokenizer,
};

pub fn nano() -> Chat {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/nano/tokenizer.json");
    Chat::new(Tokenizer::from_json(&std::fs::read(path).unwrap()).unwrap(), None).unwrap()
}

pub fn compile(chat: &Chat, grammar: &Grammar) -> Result<Arc<Compiled>, GrammarError> {
    Grammars::new(chat.tokenizer().clone()).compile(grammar)
}

/// What answers to a demand are held to.
pub fn held(chat: &Chat, opening: Opening, demand: &Demand) -> Form {
    let grammars = Grammars::new(chat.tokenizer().clone());
    Form::of_answer(&grammars, chat, opening, demand, chat.stop_tokens()).unwrap().unwrap()
}

/// A demand for a content of this form, beside which these functions may be called.
pub fn formed(content: Grammar, functions: &[&str]) -> Demand {
    let functions = functions.iter().map(|name| function(name, false)).collect();
    let calls = Calls { functions, ..Calls::default() };
    Demand { content: Some(content), calls, headers: false }
}

/// A function without arguments.
pub fn function(name: &str, strict: bool) -> Function {
    Function { name: name.to_owned(), parameters: None, strict }
}

/// Ids that are allowed, in their order.
pub fn allowed(formed: &mut Formed) -> Vec<u32> {
    let words = formed.allowed().unwrap();
    (0..32 * words.len() as u32)
        .filter(|id| words[*id as usize / 32] >> (id % 32) & 1 == 1)
        .collect()
}

/// Whether the text, cut into tokens by the tokenizer, can be written and can end there.
pub fn accepts(chat: &Chat, compiled: &Arc<Compiled>, text: &str) -> bool {
    let end = chat.stop_tokens()[0];
    let mut formed = Form::of_text(compiled.clone(), &[end]).unwrap().begin();
    for id in chat.tokenizer().encode(text).unwrap() {
        if !allowed(&mut formed).contains(&id) {
            assert_eq!(formed.push(id), Err(FormError::NotAllowed(id)));
            return false;
        }
        formed.push(id).unwrap();
    }
    allowed(&mut formed).contains(&end)
}

/// Whole numbers that look random.
pub struct Draws(pub u64);

impl Draws {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// An answer of random tokens of those that are allowed, which ends as soon as it may; `None` if it
/// has not after many tokens. One in sixteen is the last that is allowed: the control tokens, which
/// end thoughts, have the greatest ids.
pub fn random_answer(form: &Form, ends: &[u32], seed: u64) -> Option<Vec<u32>> {
    let (mut formed, mut draws) = (form.begin(), Draws(seed));
    let mut answer = Vec::new();
    for _ in 0..3000 {
        let allowed = allowed(&mut formed);
        let some = allowed[allowed.len() / 2];
        assert!(formed.allows(some).unwrap(), "{some} is allowed");
        let end = allowed.iter().copied().find(|id| ends.contains(id));
        let last = draws.below(16) == 0;
        let drawn = if last { allowed.len() - 1 } else { draws.below(allowed.len()) };
        let id = end.unwrap_or(allowed[drawn]);
        formed.push(id).unwrap();
        answer.push(id);
        if end.is_some() {
            assert!(self::allowed(&mut formed).is_empty(), "nothing comes after the end");
            return Some(answer);
        }
    }
    None
}

/// What a client sees of an answer.
pub fn read(reply: Reply, answer: &[u32]) -> Vec<Delta> {
    let mut reply = reply.formed();
    let mut deltas: Vec<Delta> = answer.iter().flat_map(|&id| reply.push(id)).collect();
    deltas.extend(reply.finish());
    deltas
}

pub fn content(deltas: &[Delta]) -> String {
    let text = |delta: &Delta| match delta {
        Delta::Content(text) => text.clone(),
        _ => String::new(),
    };
    deltas.iter().map(text).collect()
}

pub fn person() -> Grammar {
    Grammar::Json(json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 12 },
            "age": { "type": "integer", "minimum": 0, "maximum": 150 },
            "tags": { "type": "array", "items": { "enum": ["a", "né"] }, "maxItems": 3 },
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": false,
    }))
}
