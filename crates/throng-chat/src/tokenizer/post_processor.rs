//! The tokens that a `tokenizer.json` puts around a text that stands alone, such as Llama 3's
//! `<|begin_of_text|>`: its `post_processor`, as far as it says so.

use serde_json::Value;

use super::TokenizerError;

/// Tokens around a text at most. Real tokenizers have one or two.
const MAX_AFFIXES: usize = 16;

/// Tokens before and after a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Affixes {
    pub(super) before: Vec<u32>,
    pub(super) after: Vec<u32>,
}

impl Affixes {
    /// Reads a `post_processor`: a `TemplateProcessing`, whose `single` counts, a `ByteLevel`, which
    /// says nothing of tokens, or a sequence of such. `holds` tells whether an id has a token.
    pub(super) fn parse(
        processor: Option<&Value>,
        holds: impl Fn(u32) -> bool,
    ) -> Result<Self, TokenizerError> {
        let mut affixes = Self::default();
        let Some(processor) = processor.filter(|value| !value.is_null()) else {
            return Ok(affixes);
        };
        let one = std::slice::from_ref(processor);
        let parts = match (kind(processor), &processor["processors"]) {
            ("Sequence", Value::Array(parts)) => parts.as_slice(),
            _ => one,
        };
        for part in parts {
            match kind(part) {
                "ByteLevel" => {}
                "TemplateProcessing" => {
                    let inner = Self::single(part)
                        .ok_or_else(|| malformed("is no sound TemplateProcessing"))?;
                    affixes.before.splice(0..0, inner.before);
                    affixes.after.extend(inner.after);
                }
                other => {
                    return Err(TokenizerError::Unsupported("post-processor", other.to_owned()));
                }
            }
        }
        let mut ids = affixes.before.iter().chain(&affixes.after);
        if let Some(id) = ids.find(|&&id| !holds(id)) {
            return Err(malformed(&format!("names the id {id}, which has no token")));
        }
        if affixes.before.len() + affixes.after.len() > MAX_AFFIXES {
            return Err(malformed(&format!("adds more than {MAX_AFFIXES} tokens")));
        }
        Ok(affixes)
    }

    /// The pattern for one text: special tokens, and the text itself, once.
    fn single(template: &Value) -> Option<Self> {
        let mut affixes = Self::default();
        let mut seen = false;
        for piece in template["single"].as_array()? {
            if piece["Sequence"].is_object() {
                if seen {
                    return None;
                }
                seen = true;
                continue;
            }
            let name = piece["SpecialToken"]["id"].as_str()?;
            let ids = template["special_tokens"][name]["ids"].as_array()?;
            let target = if seen { &mut affixes.after } else { &mut affixes.before };
            for id in ids {
                target.push(u32::try_from(id.as_u64()?).ok()?);
            }
        }
        seen.then_some(affixes)
    }
}

fn kind(component: &Value) -> &str {
    component["type"].as_str().unwrap_or("without a type")
}

fn malformed(what: &str) -> TokenizerError {
    TokenizerError::Model(format!("its post-processor {what}"))
}
