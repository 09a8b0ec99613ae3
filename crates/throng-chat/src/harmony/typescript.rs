//! JSON schemas as TypeScript types, in the notation that gpt-oss was trained on: descriptions,
//! examples and defaults become comments. What the notation has no word for is `any`.
//!
//! The layout follows the openai-harmony crate to the character, its peculiarities included,
//! because the model has seen no other.

use serde_json::{Map, Value};

/// Schemas nested more deeply are `any` from there on; JSON text of that depth is not even read.
const MAX_DEPTH: usize = 128;

/// The type that a schema describes.
pub(super) fn render(schema: &Value) -> String {
    let mut text = String::new();
    write_type(&mut text, schema, &Place { indent: String::new(), depth: 0 });
    text
}

/// Where in the text a type stands.
struct Place {
    /// Spaces before each of its lines.
    indent: String,
    depth: usize,
}

impl Place {
    fn inner(&self, spaces: usize) -> Self {
        Self { indent: format!("{}{:spaces$}", self.indent, ""), depth: self.depth + 1 }
    }
}

/// How the default of an enumeration is quoted.
#[derive(Clone, Copy, PartialEq)]
enum EnumDefault {
    Bare,
    Quoted,
}

fn write_type(out: &mut String, schema: &Value, place: &Place) {
    if place.depth >= MAX_DEPTH {
        out.push_str("any");
        return;
    }
    if let Some(variants) = list(schema, "oneOf") {
        return write_variants(out, variants, place);
    }
    if let Some(types) = list(schema, "type") {
        let names: Vec<&str> = types.iter().filter_map(Value::as_str).map(type_name).collect();
        if !names.is_empty() {
            out.push_str(&names.join(" | "));
            return;
        }
    }
    match string(schema, "type") {
        Some("object") => write_object(out, schema, place),
        Some("array") => match schema.get("items") {
            Some(items) => {
                let inner = Place { indent: place.indent.clone(), depth: place.depth + 1 };
                write_type(out, items, &inner);
                out.push_str("[]");
            }
            None => out.push_str("Array<any>"),
        },
        Some("string") => {
            let values = list(schema, "enum").unwrap_or_default().iter().filter_map(Value::as_str);
            let values: Vec<String> = values.map(|value| format!("\"{value}\"")).collect();
            out.push_str(if values.is_empty() { "string" } else { "" });
            out.push_str(&values.join(" | "));
        }
        Some(name @ ("number" | "integer" | "boolean")) => out.push_str(type_name(name)),
        _ => out.push_str("any"),
    }
}

/// TypeScript has one type of numbers.
fn type_name(name: &str) -> &str {
    if name == "integer" { "number" } else { name }
}

/// A union, one variant a line.
fn write_variants(out: &mut String, variants: &[Value], place: &Place) {
    for variant in variants {
        out.push_str(&format!("\n{} | ", place.indent));
        write_nullable(out, variant, &place.inner(3));
        let description = string(variant, "description").map(str::to_owned);
        let comments = description.into_iter().chain(default_of(variant, EnumDefault::Quoted));
        write_trailing(out, comments);
    }
}

fn write_object(out: &mut String, schema: &Value, place: &Place) {
    let indent = &place.indent;
    if let Some(description) = string(schema, "description") {
        out.push_str(&format!("{indent}// {description}\n"));
    }
    out.push_str("{\n");
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        write_properties(out, properties, list(schema, "required").unwrap_or_default(), place);
    }
    out.push_str(&format!("{indent}}}"));
}

fn write_properties(
    out: &mut String,
    properties: &Map<String, Value>,
    required: &[Value],
    place: &Place,
) {
    let indent = &place.indent;
    let required: std::collections::HashSet<&str> =
        required.iter().filter_map(Value::as_str).collect();
    for (name, schema) in properties {
        let optional = if required.contains(name.as_str()) { "" } else { "?" };
        let name = format!("{name}{optional}");
        if let Some(title) = string(schema, "title") {
            out.push_str(&format!("{indent}// {title}\n{indent}//\n"));
        }
        let union = schema.get("oneOf");
        if union.is_none()
            && let Some(description) = string(schema, "description")
        {
            out.push_str(&format!("{indent}// {description}\n"));
        }
        write_examples(out, schema, indent);
        if let Some(variants) = list(schema, "oneOf") {
            write_union_property(out, &name, schema, variants, place);
            continue;
        }
        out.push_str(&format!("{indent}{name}: "));
        write_nullable(out, schema, &place.inner(4));
        out.push(',');
        let default = if union.is_none() { default_of(schema, EnumDefault::Bare) } else { None };
        write_trailing(out, default);
        out.push('\n');
    }
}

fn write_examples(out: &mut String, schema: &Value, indent: &str) {
    let examples = list(schema, "examples").unwrap_or_default();
    if !examples.is_empty() {
        out.push_str(&format!("{indent}// Examples:\n"));
    }
    for example in examples.iter().filter_map(Value::as_str) {
        out.push_str(&format!("{indent}// - \"{example}\"\n"));
    }
}

/// A property with a union for its type: the variants follow its name, one a line. A description
/// that repeats the first variant's is said once, after the variants' rule of leaving it out too.
fn write_union_property(
    out: &mut String,
    name: &str,
    schema: &Value,
    variants: &[Value],
    place: &Place,
) {
    let indent = &place.indent;
    let described = string(schema, "description");
    let first = variants.first().and_then(|variant| string(variant, "description"));
    let above = described.filter(|_| described != first);
    if let Some(description) = above {
        out.push_str(&format!("{indent}// {description}\n"));
    }
    if let Some(default) = default_of(schema, EnumDefault::Bare) {
        out.push_str(&format!("{indent}// {default}\n"));
    }
    out.push_str(&format!("{indent}{name}:\n"));
    for (index, variant) in variants.iter().enumerate() {
        out.push_str(&format!("{indent} | "));
        write_nullable(out, variant, &place.inner(3));
        let description = string(variant, "description")
            .filter(|&text| !(index == 0 && above.is_some()) && described != Some(text));
        let default = default_of(variant, EnumDefault::Bare);
        write_trailing(out, description.map(str::to_owned).into_iter().chain(default));
        out.push('\n');
    }
    out.push_str(&format!("{indent},\n"));
}

/// A type, and `null` if OpenAPI's `nullable` allows it and nothing in the type says so.
fn write_nullable(out: &mut String, schema: &Value, place: &Place) {
    let start = out.len();
    write_type(out, schema, place);
    let nullable = schema.get("nullable").and_then(Value::as_bool).unwrap_or(false);
    if nullable && !out[start..].contains("null") {
        out.push_str(" | null");
    }
}

fn write_trailing(out: &mut String, comments: impl IntoIterator<Item = String>) {
    let comments: Vec<String> = comments.into_iter().collect();
    if !comments.is_empty() {
        out.push_str(&format!(" // {}", comments.join(" ")));
    }
}

/// The comment on a schema's default value.
fn default_of(schema: &Value, quoting: EnumDefault) -> Option<String> {
    let default = schema.get("default")?;
    let enumeration = list(schema, "enum").is_some_and(|values| !values.is_empty());
    Some(match default.as_str() {
        Some(text) if !enumeration => format!("default: \"{text}\""),
        Some(text) if quoting == EnumDefault::Bare => format!("default: {text}"),
        _ => format!("default: {default}"),
    })
}

fn string<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key)?.as_str()
}

fn list<'a>(schema: &'a Value, key: &str) -> Option<&'a [Value]> {
    schema.get(key)?.as_array().map(Vec::as_slice)
}
