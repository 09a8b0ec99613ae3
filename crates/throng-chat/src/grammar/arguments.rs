//! The arguments of calls: the schemas that they are held to, and calls around them where those are
//! text.

use serde_json::{Map, Value, json};

use super::compile::{GrammarError, with_options};

/// References at the root of a schema that lead to another, at most.
const MAX_REFERENCES: usize = 16;

/// Any arguments.
pub(super) fn any() -> Value {
    json!({ "type": "object" })
}

/// The schema of a function's arguments, which are an object; without one there are none.
///
/// # Errors
/// It describes no object.
pub(super) fn schema(parameters: Option<&Value>) -> Result<Value, GrammarError> {
    let Some(parameters) = parameters else {
        return Ok(json!({ "type": "object", "properties": {}, "additionalProperties": false }));
    };
    let mut schema = parameters.as_object().cloned().ok_or(GrammarError::NotObject)?;
    resolve(&mut schema);
    let object = |kind: &Value| kind == "object";
    match schema.get("type") {
        None if schema.contains_key("$ref") => {}
        None => drop(schema.insert("type".to_owned(), Value::from("object"))),
        Some(kind) if object(kind) => {}
        Some(Value::Array(kinds)) if kinds.iter().any(object) => {
            schema.insert("type".to_owned(), Value::from("object"));
        }
        Some(_) => return Err(GrammarError::NotObject),
    }
    Ok(Value::Object(schema))
}

/// Puts what a reference at the root leads to in its place.
fn resolve(schema: &mut Map<String, Value>) {
    for _ in 0..MAX_REFERENCES {
        let Some(Value::String(reference)) = schema.get("$ref") else { return };
        let Some(pointer) = reference.strip_prefix('#') else { return };
        let root = Value::Object(schema.clone());
        let Some(Value::Object(found)) = root.pointer(pointer) else { return };
        // Only where nothing else is said: what both say would have to be joined.
        if pointer.is_empty() || found.keys().any(|key| key != "$ref" && schema.contains_key(key)) {
            return;
        }
        schema.remove("$ref");
        schema.extend(found.clone());
    }
}

/// A grammar in Lark's notation of one call as text: an object with the function's name, and its
/// arguments under the name `key`. `begun`: the text goes on behind the quotation mark of the name.
pub(super) fn lark(functions: &[(String, Value)], key: &str, begun: bool) -> String {
    // A JSON string, and that as a string of Lark's, which is JSON's too.
    let json = |text: &str| Value::from(text).to_string();
    let (name, key) = (json(&json("name")), json(&json(key)));
    let calls: Vec<String> = (0..functions.len()).map(|number| format!("call_{number}")).collect();
    let calls = calls.join(" | ");
    let head = format!("space \"{{\" space {name} space \":\" space ");
    let mut lark = format!(
        "start: {}call space \"}}\" space\ncall: {calls}\n\
         space: SPACE?\nSPACE: /[ \\t\\r\\n]{{1,8}}/\n",
        if begun { "" } else { &head },
    );
    for (number, (function, schema)) in functions.iter().enumerate() {
        let function = json(function);
        let function = json(if begun { &function[1..] } else { &function });
        let schema = with_options(schema);
        lark.push_str(&format!(
            "call_{number}: {function} space \",\" space {key} space \":\" space arguments_{number}\n\
             arguments_{number}: %json {schema}\n"
        ));
    }
    lark
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::schema;

    #[test]
    fn arguments_are_an_object() {
        let of = |parameters| schema(Some(&parameters));
        let object = json!({ "type": "object", "properties": { "a": {} } });
        assert_eq!(of(object.clone()), Ok(object));
        assert_eq!(of(json!({ "anyOf": [] })), Ok(json!({ "anyOf": [], "type": "object" })));
        assert_eq!(of(json!({ "type": ["null", "object"] })), Ok(json!({ "type": "object" })));
        assert!(of(json!({ "type": "array" })).is_err());
        assert!(of(json!(true)).is_err());
        let none = schema(None).unwrap();
        assert_eq!(none["additionalProperties"], false);
    }

    #[test]
    fn references_at_the_root_are_followed() {
        let node = json!({ "type": "object", "properties": { "next": { "$ref": "#/$defs/n" } } });
        let schema = schema(Some(&json!({ "$ref": "#/$defs/n", "$defs": { "n": node } }))).unwrap();
        assert_eq!(schema["properties"], node["properties"]);
        assert_eq!(schema["$defs"]["n"], node);
        assert!(schema.get("$ref").is_none());
        let endless = json!({ "$ref": "#/$defs/n", "$defs": { "n": { "$ref": "#/$defs/n" } } });
        assert_eq!(super::schema(Some(&endless)), Ok(endless));
    }
}
