//! Random JSON schemas, and whether a value is what one asks for: written from the specification of
//! JSON Schema, for what the schemas here and `/openapi.json` use, and without a look at how they
//! are enforced.

use serde_json::{Map, Value, json};
use throng_testkit::Random;

/// An object's schema with members of all kinds, nested up to `depth`.
pub fn random_schema(random: &mut Random, depth: usize) -> Value {
    object(random, depth)
}

fn any(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 7 } else { 10 }) {
        0 => {
            let least = random.below(200) as i64 - 100;
            let most = least + random.below(1000) as i64;
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        1 => {
            let least = random.below(4) as f64 / 2.0;
            json!({ "type": "number", "minimum": least, "exclusiveMaximum": least + 1.5 })
        }
        2 => {
            let least = random.below(3);
            json!({ "type": "string", "minLength": least, "maxLength": least + random.below(8) })
        }
        3 => json!({ "type": "boolean" }),
        4 => json!({ "type": ["null", "boolean"] }),
        5 => json!({ "enum": ["red", "gr\"een", 3, null, ["né"]] }),
        6 => json!({ "const": { "a": [1, "b"] } }),
        7 => {
            let least = random.below(3);
            let items = any(random, depth - 1);
            let most = least + random.below(3);
            json!({ "type": "array", "items": items, "minItems": least, "maxItems": most })
        }
        8 => json!({ "anyOf": [any(random, depth - 1), any(random, depth - 1)] }),
        _ => object(random, depth - 1),
    }
}

fn object(random: &mut Random, depth: usize) -> Value {
    let names = ["id", "name", "é \"x\"", "size", "tags"];
    let count = 1 + random.below(names.len());
    let properties: Map<String, Value> =
        names[..count].iter().map(|name| ((*name).to_owned(), any(random, depth))).collect();
    let required: Vec<&str> =
        names[..count].iter().copied().filter(|_| random.below(3) > 0).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// What keeps a value from being what the schema asks for.
pub fn flaw(schema: &Value, value: &Value) -> Option<String> {
    if let Some(any) = schema.as_bool() {
        return (!any).then(|| format!("nothing may be there: {value}"));
    }
    let asked = schema.as_object().unwrap();
    for (keyword, wanted) in asked {
        if let Some(inner) = flaw_within(keyword, wanted, value) {
            return Some(inner);
        }
        let fits = match keyword.as_str() {
            "type" => {
                let one = std::slice::from_ref(wanted);
                wanted.as_array().map_or(one, |all| &all[..]).iter().any(|kind| is(kind, value))
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| flaw(one, value).is_none()),
            "allOf" => wanted.as_array().unwrap().iter().all(|one| flaw(one, value).is_none()),
            "minimum" => value.as_f64().is_none_or(|own| own >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|own| own <= wanted.as_f64().unwrap()),
            "exclusiveMinimum" => value.as_f64().is_none_or(|own| own > wanted.as_f64().unwrap()),
            "exclusiveMaximum" => value.as_f64().is_none_or(|own| own < wanted.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|own| own.chars().count() >= count(wanted)),
            "maxLength" => value.as_str().is_none_or(|own| own.chars().count() <= count(wanted)),
            "pattern" => {
                let pattern = regex::Regex::new(wanted.as_str().unwrap()).unwrap();
                value.as_str().is_none_or(|own| pattern.is_match(own))
            }
            // Of which only JSON's is known here.
            "contentSchema" => value.as_str().is_none_or(|own| {
                serde_json::from_str(own).is_ok_and(|inner| flaw(wanted, &inner).is_none())
            }),
            "minItems" => value.as_array().is_none_or(|own| own.len() >= count(wanted)),
            "maxItems" => value.as_array().is_none_or(|own| own.len() <= count(wanted)),
            "required" => {
                let has = |own: &Map<String, Value>, name: &Value| {
                    own.contains_key(name.as_str().unwrap())
                };
                let names = wanted.as_array().unwrap();
                value.as_object().is_none_or(|own| names.iter().all(|name| has(own, name)))
            }
            "additionalProperties" => {
                let named = asked.get("properties");
                let known = |name: &String| named.is_some_and(|named| named.get(name).is_some());
                value.as_object().is_none_or(|own| {
                    own.iter().all(|(name, value)| known(name) || flaw(wanted, value).is_none())
                })
            }
            "propertyNames" => value.as_object().is_none_or(|own| {
                own.keys().all(|name| flaw(wanted, &Value::from(name.as_str())).is_none())
            }),
            "maxProperties" => value.as_object().is_none_or(|own| own.len() <= count(wanted)),
            // Of what is inside: above.
            "items" | "properties" => true,
            "description" | "default" | "examples" | "format" | "contentMediaType" => true,
            other => panic!("{other}"),
        };
        if !fits {
            return Some(format!("{keyword} {wanted}: {value}"));
        }
    }
    None
}

/// What keeps a part of a value from being what a keyword about parts asks for, with its place.
fn flaw_within(keyword: &str, wanted: &Value, value: &Value) -> Option<String> {
    match (keyword, value) {
        ("items", Value::Array(own)) => own
            .iter()
            .enumerate()
            .find_map(|(index, item)| flaw(wanted, item).map(|inner| format!("[{index}] {inner}"))),
        ("properties", Value::Object(own)) => own.iter().find_map(|(name, value)| {
            flaw(wanted.get(name)?, value).map(|inner| format!("{name}: {inner}"))
        }),
        _ => None,
    }
}

fn count(number: &Value) -> usize {
    number.as_u64().unwrap().try_into().unwrap()
}

fn is(kind: &Value, value: &Value) -> bool {
    match kind.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        other => panic!("{other}"),
    }
}
