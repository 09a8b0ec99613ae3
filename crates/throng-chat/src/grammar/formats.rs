//! Formats of strings that have to be narrower than llguidance's expressions for them.
//!
//! There every year has a 29th of February, a year 0000 too, and every minute may have a 60th second.
//! RFC 3339 leaves the first out, most calendars the second, and a leap second is none in almost
//! every minute: programs that read such a text refuse it. So a schema with one of these formats also
//! gets a pattern. The name of a host may be of any length there, and has 253 characters at most.

use serde_json::{Map, Value, json};

use super::bounds;

/// A date that is, as far as the day of its month goes; what follows it may be anything.
macro_rules! real_date {
    () => {
        concat!(
            "^(?:",
            "(?:[1-9]...|0[1-9]..|00[1-9].|000[1-9])-(?:0[13-9]|1|02-(?:[01]|2[0-8]))|",
            // Every fourth year has one day more, of full centuries every fourth.
            "(?:..(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29",
            ")"
        )
    };
}

/// What a text must match besides its format.
const NARROWER: [(&str, &str); 4] = [
    ("date", real_date!()),
    ("date-time", concat!(real_date!(), ".*[Tt].{6}[0-5]")),
    ("time", "^.{6}[0-5]"),
    ("hostname", "^.{1,253}$"),
];

/// Members of schemas whose values are values, not schemas.
const VALUES: [&str; 4] = ["const", "enum", "default", "examples"];
/// Members of schemas that are objects of schemas by names, which mean nothing.
const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];

/// Narrows the formats of a schema and of all schemas in it. References lead to places within it, so
/// what is no known part of a schema is searched too.
pub(super) fn narrow(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                match value {
                    Value::Object(named) if NAMED.contains(&name.as_str()) => {
                        named.values_mut().for_each(narrow);
                    }
                    _ if VALUES.contains(&name.as_str()) => {}
                    _ => narrow(value),
                }
            }
            narrow_format(members);
            bounds::narrow(members);
        }
        Value::Array(parts) => parts.iter_mut().for_each(narrow),
        _ => {}
    }
}

fn narrow_format(schema: &mut Map<String, Value>) {
    let Some(format) = schema.get("format").and_then(Value::as_str) else { return };
    let Some((_, pattern)) = NARROWER.iter().find(|(name, _)| *name == format) else { return };
    if !schema.contains_key("pattern") {
        schema.insert("pattern".to_owned(), json!(pattern));
        return;
    }
    // What is no array is refused for that later.
    let parts = schema.entry("allOf").or_insert_with(|| json!([]));
    if let Some(parts) = parts.as_array_mut() {
        parts.push(json!({ "type": "string", "pattern": pattern }));
    }
}
