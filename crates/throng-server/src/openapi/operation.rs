//! An operation of the document: a method of a path.

use serde_json::{Map, Value, json};

use super::schema::{Schema, answer, constant, either, named, text};
use super::{headers, refusals};

/// Refusals of every operation: a foreign page that gives the server its own name, and bugs.
const ALWAYS: [&str; 2] = ["Forbidden", "InternalError"];
/// Refusals of whatever asks for the model: no key, and no model yet or any more.
const OF_SERVING: [&str; 2] = ["Unauthorized", "Unavailable"];
/// Refusals of reading a body.
const OF_BODIES: [&str; 4] = ["BadRequest", "BodyTimeout", "BodyTooLarge", "NotJson"];

/// An operation that is put together.
#[derive(Debug)]
pub(super) struct Operation {
    members: Map<String, Value>,
    parameters: Vec<Value>,
    responses: Map<String, Value>,
    /// Names of components.
    refusals: Vec<&'static str>,
    /// It asks who asks.
    has_keys: bool,
}

impl Operation {
    /// One that needs a key where the server asks for keys. Programs call it `id`.
    pub(super) fn new(id: &str, tag: &str, summary: &str) -> Self {
        let mut operation = Self::open(id, tag, summary);
        operation.members.remove("security");
        operation.has_keys = true;
        operation.refuses(&OF_SERVING)
    }

    /// One that anybody may ask for at any time.
    pub(super) fn open(id: &str, tag: &str, summary: &str) -> Self {
        let mut operation = Self {
            members: Map::new(),
            parameters: Vec::new(),
            responses: Map::new(),
            refusals: ALWAYS.to_vec(),
            has_keys: false,
        };
        operation.set("operationId", json!(id));
        operation.set("tags", json!([tag]));
        operation.set("summary", json!(summary));
        operation.set("security", json!([]));
        operation
    }

    /// More words, as CommonMark.
    pub(super) fn says(mut self, words: &str) -> Self {
        self.set("description", json!(words));
        self
    }

    /// With a part of its path, such as `example`.
    pub(super) fn at(mut self, name: &str, words: &str, example: Option<&str>) -> Self {
        let mut parameter = json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": words,
            "schema": text().with("minLength", 1),
        });
        if let Some(example) = example {
            parameter["example"] = json!(example);
        }
        self.parameters.push(parameter);
        self
    }

    /// With a parameter of its query, which may be left out.
    pub(super) fn asks(mut self, name: &str, words: &str, schema: Schema) -> Self {
        self.parameters.push(json!({
            "name": name,
            "in": "query",
            "description": words,
            "schema": schema,
        }));
        self
    }

    /// With a body of this schema.
    pub(super) fn takes(mut self, schema: &str, example: Value) -> Self {
        let content =
            json!({ "application/json": { "schema": named(schema), "example": example } });
        self.set("requestBody", json!({ "required": true, "content": content }));
        self.refuses(&OF_BODIES)
    }

    /// With JSON of this schema as its answer.
    pub(super) fn gives(self, words: &str, schema: &str) -> Self {
        self.responds(200, words, json!({ "application/json": { "schema": named(schema) } }))
    }

    /// With JSON of this schema as its answer, or a stream of chunks of another.
    pub(super) fn gives_or_streams(self, words: &str, whole: &str, chunk: &str) -> Self {
        self.gives_either(words, whole, &chunk_of(chunk))
    }

    /// With JSON of this schema as its answer, or a stream of events of another, which have names.
    pub(super) fn gives_or_tells(self, words: &str, whole: &str, event: &str) -> Self {
        self.gives_either(words, whole, &told(event))
    }

    fn gives_either(self, words: &str, whole: &str, event: &Schema) -> Self {
        let content = json!({
            "application/json": { "schema": named(whole) },
            "text/event-stream": { "schema": event },
        });
        self.responds(200, words, content)
    }

    /// With a response of its own.
    pub(super) fn responds(mut self, status: u16, words: &str, content: Value) -> Self {
        let headers = headers::references(self.has_keys);
        let response = json!({ "description": words, "headers": headers, "content": content });
        self.responses.insert(status.to_string(), response);
        self
    }

    /// What `id` of the answer may be given to: the operations of these names, as their `id`.
    pub(super) fn leads_to(mut self, operations: &[&str]) -> Self {
        let link = |operation: &&str| {
            let parameters = json!({ "id": "$response.body#/id" });
            let link = json!({ "operationId": operation, "parameters": parameters });
            ((*operation).to_owned(), link)
        };
        let links: Map<String, Value> = operations.iter().map(link).collect();
        self.responses.entry("200").or_insert_with(|| json!({}))["links"] = Value::Object(links);
        self
    }

    /// With these refusals too.
    pub(super) fn refuses(mut self, names: &[&'static str]) -> Self {
        self.refusals.extend(names);
        self
    }

    /// As the document has it.
    pub(super) fn build(mut self) -> Value {
        for name in std::mem::take(&mut self.refusals) {
            let (status, reference) = refusals::reference(name);
            self.responses.entry(status.to_string()).or_insert(reference);
        }
        let mut responses: Vec<_> = std::mem::take(&mut self.responses).into_iter().collect();
        responses.sort_by(|one, other| one.0.cmp(&other.0));
        if !self.parameters.is_empty() {
            let parameters = std::mem::take(&mut self.parameters);
            self.set("parameters", Value::Array(parameters));
        }
        self.set("responses", Value::Object(responses.into_iter().collect()));
        Value::Object(self.members)
    }

    fn set(&mut self, member: &str, value: Value) {
        self.members.insert(member.to_owned(), value);
    }
}

/// An event of a stream, as a program sees it that reads server-sent events. OpenAPI 3.1 has no word
/// for the items of a stream; tools read this schema as that of each event.
fn chunk_of(schema: &str) -> Schema {
    let json = json_of(either([named(schema), named("Error")]))
        .says("A chunk, or the error that ends the stream.");
    let done = constant("[DONE]").says("The end of a stream without an error.");
    answer([("data", either([done, json]))], [])
}

/// The same for a stream whose events have names.
fn told(schema: &str) -> Schema {
    let name = text().says("The `type` of the data.");
    answer([("event", name), ("data", json_of(named(schema)))], [])
}

fn json_of(schema: Schema) -> Schema {
    text().with("contentMediaType", "application/json").with("contentSchema", schema)
}
