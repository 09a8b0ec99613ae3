//! What the document says of parameters: the words of `API.md`, where each has a row of a table.

use serde_json::Value;

use super::schema::Schema;

const DOCUMENT: &str = include_str!("../../../../API.md");

/// Says of each member what `API.md` says under one of the headings.
pub(super) fn add(mut schema: Schema, headings: &[&str]) -> Schema {
    for heading in headings {
        for (parameter, state, remark) in rows(heading) {
            let Some(member) = schema.member_mut(parameter) else { continue };
            let words = match state {
                "accepted" if remark.is_empty() => {
                    "It may be there and changes nothing.".to_owned()
                }
                "accepted" => format!("It may be there and changes nothing: {remark}."),
                "refused" => format!("Refused {remark}."),
                _ => sentence(remark),
            };
            if !words.is_empty() {
                member.insert("description".to_owned(), Value::String(words));
            }
        }
    }
    schema
}

/// A section of it, with its heading.
pub(super) fn section(heading: &str) -> String {
    format!("## {}", under(heading).trim())
}

fn under(heading: &str) -> &'static str {
    let mut sections = DOCUMENT.split("\n## ");
    sections.find(|section| section.starts_with(heading)).unwrap_or_default()
}

/// Parameters, what becomes of them, and what is to be said of that, under a heading.
fn rows(heading: &str) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    under(heading).lines().filter_map(|line| {
        let (parameter, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let (state, remark) = rest.split_once(" |")?;
        let remark = remark.trim().trim_end_matches('|').trim();
        // What is below there is elsewhere here.
        Some((parameter, state, remark.strip_suffix("; see below").unwrap_or(remark)))
    })
}

/// The words with a full stop, and a capital where they begin with a plain word.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let Some(first) = chars.next() else { return String::new() };
    let end = if words.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::schema::{anything, request};
    use super::*;

    #[test]
    fn parameters_are_described_in_the_words_of_the_tables() {
        let names = ["n", "stream", "store", "suffix", "other"];
        let schema = request([], names.map(|name| (name, anything())));
        let schema = json!(add(schema, &["Both endpoints", "Completions alone"]));
        let said = |name: &str| schema["properties"][name]["description"].clone();
        assert_eq!(said("n"), "1 to 128 answers, over all prompts.");
        assert_eq!(said("stream"), Value::Null);
        assert_eq!(said("store"), "It may be there and changes nothing: nothing is stored.");
        assert_eq!(said("suffix"), "Refused unless it is empty.");
        assert_eq!(said("other"), Value::Null);
    }
}
