//! JSON schemas as TypeScript types, in the notation that gpt-oss was trained on.

use serde_json::Value;

/// The type that a schema describes.
pub(super) fn render(schema: &Value) -> String {
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "string".to_owned(),
        Some("number" | "integer") => "number".to_owned(),
        Some("boolean") => "boolean".to_owned(),
        _ => "any".to_owned(),
    }
}
