//! Files to the documents that a model reads.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use throng_bench::Document;
use throng_chat::{Tokenizer, encode_rendered};

use crate::failure::Failure;

/// Bytes of a file at most. Tokens take hundreds of bytes while a text is taken apart.
const MAX_BYTES: u64 = 64 << 20;

/// What to do about a line that is no document.
const LINE_HINT: &str = "a line is {\"text\": …} or {\"prompt\": …, \"completion\": …}";

/// The documents of a file: its whole text, or those of its lines if its name ends in `.jsonl`.
///
/// # Errors
/// It cannot be read, is too large, or a line is not of either form.
pub fn read(file: &Path, tokenizer: &Tokenizer) -> Result<Vec<Document>> {
    let text = text(file)?;
    if file.extension().is_none_or(|extension| extension != "jsonl") {
        let document = Document {
            tokens: tokenizer.encode_alone(&text)?,
            counted_from: 0,
            opening: tokenizer.opening().to_vec(),
        };
        return Ok(vec![document]);
    }
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    lines
        .map(|(text, number)| {
            line(text, tokenizer).with_context(|| format!("{}, line {number}", file.display()))
        })
        .collect()
}

fn text(file: &Path) -> Result<String> {
    let unreadable = |why: &dyn std::fmt::Display| {
        let message = format!("cannot read {}: {why}", file.display());
        Failure { message, hint: "--text names files of UTF-8 text, separated by commas" }
    };
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| unreadable(&error))?;
    let bytes = opened.take(MAX_BYTES + 1).read_to_string(&mut text);
    let bytes = bytes.map_err(|error| unreadable(&error))?;
    if bytes as u64 > MAX_BYTES {
        return Err(unreadable(&format!("it has more than {} MiB", MAX_BYTES >> 20)).into());
    }
    Ok(text)
}

/// One line's document. Its tokens are those that it names and those of the text between them;
/// nothing is put before or after it.
fn line(line: &str, tokenizer: &Tokenizer) -> Result<Document> {
    let wrong = |message: String| Failure { message, hint: LINE_HINT };
    let value: Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
    let field = |name| match &value[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(wrong(format!("`{name}` is no text"))),
    };
    let (prompt, text) = match (field("text")?, field("prompt")?, field("completion")?) {
        (Some(text), None, None) => ("", text),
        (None, Some(prompt), Some(completion)) => (prompt.as_str(), completion),
        _ => return Err(wrong("neither a text nor a prompt with its completion".to_owned()).into()),
    };
    let mut tokens = encode_rendered(tokenizer, prompt)?;
    let counted_from = tokens.len();
    tokens.extend(encode_rendered(tokenizer, text)?);
    Ok(Document { tokens, counted_from, opening: Vec::new() })
}

#[cfg(test)]
mod tests {
    use throng_testkit::byte_tokenizer;

    use super::*;

    #[test]
    fn lines_name_special_tokens_and_files_do_not() {
        let tokenizer = Tokenizer::from_json(&byte_tokenizer()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let lines = "{\"text\": \"a<|end|>b\"}\n\n{\"prompt\": \"<|start|>u\", \"completion\": \"x\", \"n\": 1}\n";
        let [plain, json] = ["a.txt", "a.jsonl"].map(|name| folder.path().join(name));
        std::fs::write(&plain, "<|end|>").unwrap();
        std::fs::write(&json, lines).unwrap();
        assert_eq!(read(&plain, &tokenizer).unwrap()[0].tokens, b"<|end|>".map(u32::from));
        let end = tokenizer.special("<|end|>").unwrap();
        let start = tokenizer.special("<|start|>").unwrap();
        let documents = read(&json, &tokenizer).unwrap();
        assert_eq!(documents[0].tokens, [u32::from(b'a'), end, u32::from(b'b')]);
        assert_eq!(documents[1].tokens, [start, u32::from(b'u'), u32::from(b'x')]);
        assert_eq!((documents[0].counted_from, documents[1].counted_from), (0, 2));
        assert_eq!(documents.len(), 2);
    }

    #[test]
    fn lines_that_are_none_are_named() {
        let tokenizer = Tokenizer::from_json(&byte_tokenizer()).unwrap();
        for wrong in [
            "{",
            "[]",
            "7",
            "{}",
            "{\"text\": 7}",
            "{\"prompt\": \"a\"}",
            "{\"completion\": \"a\"}",
        ] {
            let error = line(wrong, &tokenizer).unwrap_err();
            assert!(error.downcast_ref::<Failure>().is_some_and(|it| it.hint == LINE_HINT));
        }
    }
}
