//! Random JSON schemas, and whether a value is what one asks for: written from the specification of
//! JSON Schema, for what the schemas here use, and without a look at how they are enforced.

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
    let asked = schema.as_object().unwrap();
    for (keyword, wanted) in asked {
        let fits = match keyword.as_str() {
            "type" => {
                let one = std::slice::from_ref(wanted);
                wanted.as_array().map_or(one, |all| &all[..]).iter().any(|kind| is(kind, value))
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| flaw(one, value).is_none()),
            "minimum" => value.as_f64().is_none_or(|own| own >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|own| own <= wanted.as_f64().unwrap()),
            "exclusiveMaximum" => value.as_f64().is_none_or(|own| own < wanted.as_f64().unwrap()),
            "minLength" => value.as_str().is_none_or(|own| own.chars().count() >= count(wanted)),
            "maxLength" => value.as_str().is_none_or(|own| own.chars().count() <= count(wanted)),
            "minItems" => value.as_array().is_none_or(|own| own.len() >= count(wanted)),
            "maxItems" => value.as_array().is_none_or(|own| own.len() <= count(wanted)),
            "items" => {
                let flawless = |item| flaw(wanted, item).is_none();
                value.as_array().is_none_or(|own| own.iter().all(flawless))
            }
            "required" => {
                let has = |own: &Map<String, Value>, name: &Value| {
                    own.contains_key(name.as_str().unwrap())
                };
                let names = wanted.as_array().unwrap();
                value.as_object().is_none_or(|own| names.iter().all(|name| has(own, name)))
            }
            "properties" => value.as_object().is_none_or(|own| {
                let flawless = |(name, value)| {
                    wanted.get(name).is_none_or(|schema: &Value| flaw(schema, value).is_none())
                };
                own.iter().all(flawless)
            }),
            "additionalProperties" => {
                assert_eq!(*wanted, false);
                let known = |name: &String| asked["properties"].get(name).is_some();
                value.as_object().is_none_or(|own| own.keys().all(known))
            }
            other => panic!("{other}"),
        };
        if !fits {
            return Some(format!("{keyword} {wanted}: {value}"));
        }
    }
    None
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
