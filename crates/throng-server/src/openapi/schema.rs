//! JSON Schema (2020-12, as OpenAPI 3.1 has it) in words that read like what they describe.

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value, json};

/// What a value may be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(super) struct Schema(Map<String, Value>);

/// A member of an object, and what it may be.
pub(super) type Member = (&'static str, Schema);

/// Any JSON.
pub(super) fn anything() -> Schema {
    Schema::default()
}

/// `true` or `false`.
pub(super) fn boolean() -> Schema {
    kind("boolean")
}

/// `null` alone.
pub(super) fn null() -> Schema {
    kind("null")
}

/// Text.
pub(super) fn text() -> Schema {
    kind("string")
}

/// Text of so many characters. Where the server counts bytes, the same number is the most that
/// characters can be.
pub(super) fn text_of(chars: RangeInclusive<usize>) -> Schema {
    let (least, most) = chars.into_inner();
    let text = text().with("maxLength", most);
    if least > 0 { text.with("minLength", least) } else { text }
}

/// A number within the range.
pub(super) fn number(range: RangeInclusive<f64>) -> Schema {
    let (low, high) = range.into_inner();
    kind("number").with("minimum", low).with("maximum", high)
}

/// A number above the range's lower end, up to its upper one.
pub(super) fn number_above(range: RangeInclusive<f64>) -> Schema {
    let (low, high) = range.into_inner();
    kind("number").with("exclusiveMinimum", low).with("maximum", high)
}

/// A whole number within the range.
pub(super) fn integer(range: RangeInclusive<i64>) -> Schema {
    let (low, high) = range.into_inner();
    kind("integer").with("minimum", low).with("maximum", high)
}

/// A whole number within the range that counts something.
pub(super) fn count(range: RangeInclusive<u32>) -> Schema {
    let (low, high) = range.into_inner();
    integer(i64::from(low)..=i64::from(high))
}

/// How many of something there are: not negative.
pub(super) fn amount() -> Schema {
    kind("integer").with("minimum", 0)
}

/// A list of as many as there are.
pub(super) fn list(of: Schema) -> Schema {
    kind("array").with("items", of)
}

/// A list of so many.
pub(super) fn list_of(items: Schema, count: RangeInclusive<usize>) -> Schema {
    let (least, most) = count.into_inner();
    let list = list(items);
    let list = if least > 0 { list.with("minItems", least) } else { list };
    if most < usize::MAX { list.with("maxItems", most) } else { list }
}

/// One of these values.
pub(super) fn one_of(values: impl IntoIterator<Item = impl Into<Value>>) -> Schema {
    anything().with("enum", values.into_iter().map(Into::into).collect::<Vec<Value>>())
}

/// This value.
pub(super) fn constant(value: &str) -> Schema {
    anything().with("const", value)
}

/// What one of these describes.
pub(super) fn either(schemas: impl IntoIterator<Item = Schema>) -> Schema {
    anything().with("anyOf", schemas.into_iter().collect::<Vec<_>>())
}

/// What the component of this name describes.
pub(super) fn named(name: &str) -> Schema {
    anything().with("$ref", format!("#/components/schemas/{name}"))
}

/// An object whose other members are whatever they are.
pub(super) fn object() -> Schema {
    kind("object")
}

/// An object of a request. `null` counts as absent: so may be each member that is not required, and
/// each that the server does not know.
pub(super) fn request(
    required: impl IntoIterator<Item = Member>,
    optional: impl IntoIterator<Item = Member>,
) -> Schema {
    let optional = optional.into_iter().map(|(name, schema)| (name, schema.or_null()));
    members(required, optional).with("additionalProperties", null())
}

/// An object of an answer. `optional` members may be absent from it.
pub(super) fn answer(
    required: impl IntoIterator<Item = Member>,
    optional: impl IntoIterator<Item = Member>,
) -> Schema {
    members(required, optional)
}

fn members(
    required: impl IntoIterator<Item = Member>,
    optional: impl IntoIterator<Item = Member>,
) -> Schema {
    let mut properties = Map::new();
    let mut add = |(name, Schema(schema)): Member| {
        properties.insert(name.to_owned(), Value::Object(schema));
        name
    };
    let required: Vec<&str> = required.into_iter().map(&mut add).collect();
    optional.into_iter().for_each(|member| {
        add(member);
    });
    let object = object().with("properties", properties);
    if required.is_empty() { object } else { object.with("required", required) }
}

fn kind(name: &str) -> Schema {
    anything().with("type", name)
}

impl Schema {
    /// With another keyword.
    pub(super) fn with(mut self, keyword: &str, value: impl Serialize) -> Self {
        self.0.insert(keyword.to_owned(), json!(value));
        self
    }

    /// In words, as CommonMark.
    pub(super) fn says(self, words: &str) -> Self {
        self.with("description", words)
    }

    /// What it is where nothing is said.
    pub(super) fn usually(self, value: impl Serialize) -> Self {
        self.with("default", value)
    }

    /// `null` too.
    pub(super) fn or_null(mut self) -> Self {
        let members = &mut self.0;
        if let Some(Value::String(name)) = members.get("type") {
            let kinds = json!([name, "null"]);
            members.insert("type".to_owned(), kinds);
        } else if let Some(values) = list_in(members, "enum") {
            values.push(Value::Null);
        } else if let Some(schemas) = list_in(members, "anyOf") {
            schemas.push(json!(null()));
        } else if members.contains_key("$ref") || members.contains_key("const") {
            return either([self, null()]);
        }
        self
    }

    /// What a member of it is.
    pub(super) fn member_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("properties")?.get_mut(name)?.as_object_mut()
    }
}

fn list_in<'a>(members: &'a mut Map<String, Value>, keyword: &str) -> Option<&'a mut Vec<Value>> {
    members.get_mut(keyword)?.as_array_mut()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_counts_as_absent_in_requests() {
        let schema = request(
            [("model", text())],
            [
                ("n", integer(1..=2)),
                ("tier", one_of(["auto"])),
                ("stop", either([text(), list(text())])),
                ("tool", named("Tool")),
                ("any", anything()),
            ],
        );
        let wanted = json!({
            "type": "object",
            "properties": {
                "model": { "type": "string" },
                "n": { "type": ["integer", "null"], "minimum": 1, "maximum": 2 },
                "tier": { "enum": ["auto", null] },
                "stop": { "anyOf": [
                    { "type": "string" },
                    { "type": "array", "items": { "type": "string" } },
                    { "type": "null" },
                ] },
                "tool": { "anyOf": [{ "$ref": "#/components/schemas/Tool" }, { "type": "null" }] },
                "any": {},
            },
            "required": ["model"],
            "additionalProperties": { "type": "null" },
        });
        assert_eq!(json!(schema), wanted);
    }
}
