//! The rows of `HARMONY.md`.

use throng_chat::Tokenizer;

use super::SPECIALS;

const DOCUMENT: &str = include_str!("../../../../HARMONY.md");

/// What a model writes, and what that comes to.
pub struct Row {
    /// As the document writes it.
    pub spelling: String,
    pub events: Vec<String>,
}

/// A piece of a spelling.
pub enum Piece {
    Token(&'static str),
    Bytes(Vec<u8>),
}

/// All rows. Neighbours that come to the same have one list of events.
pub fn rows() -> Vec<Row> {
    let blocks =
        DOCUMENT.split("```text\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    let mut rows: Vec<Row> = Vec::new();
    for block in blocks {
        let mut lines = block.lines().peekable();
        while lines.peek().is_some() {
            let mut spellings = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("    ")) {
                spellings.push(line.to_owned());
            }
            let mut events = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with("    ")) {
                events.push(unescaped(&line[4..]));
            }
            assert!(!spellings.is_empty() && !events.is_empty(), "{block}");
            events.retain(|event| event != "nothing");
            let row = |spelling| Row { spelling, events: events.clone() };
            rows.extend(spellings.into_iter().map(row));
        }
    }
    rows
}

impl Row {
    /// What it consists of.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = self.spelling.as_str();
        while !rest.is_empty() {
            if let Some(name) = SPECIALS.into_iter().find(|name| rest.starts_with(name)) {
                pieces.push(Piece::Token(name));
                rest = &rest[name.len()..];
                continue;
            }
            let (bytes, after) = next_bytes(rest);
            match pieces.last_mut() {
                Some(Piece::Bytes(text)) => text.extend(bytes),
                _ => pieces.push(Piece::Bytes(bytes)),
            }
            rest = after;
        }
        pieces
    }

    /// Its tokens, those of text as the tokenizer has them.
    pub fn ids(&self, tokenizer: &Tokenizer) -> Vec<u32> {
        let ids = |piece| match piece {
            Piece::Token(name) => vec![tokenizer.special(name).unwrap()],
            Piece::Bytes(bytes) => ids_of(tokenizer, &bytes),
        };
        self.pieces().into_iter().flat_map(ids).collect()
    }
}

/// Tokens of bytes that may be no text.
fn ids_of(tokenizer: &Tokenizer, bytes: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    for chunk in bytes.utf8_chunks() {
        ids.extend(tokenizer.encode(chunk.valid()).unwrap());
        let byte = |byte: &u8| (0..).find(|&id| tokenizer.token_bytes(id) == [*byte]).unwrap();
        ids.extend(chunk.invalid().iter().map(byte));
    }
    ids
}

/// The bytes that the beginning of a spelling stands for, and the rest of it.
fn next_bytes(spelling: &str) -> (Vec<u8>, &str) {
    let utf8 = |character: char| character.to_string().into_bytes();
    if let Some(rest) = spelling.strip_prefix("\\n") {
        return (vec![b'\n'], rest);
    }
    if let Some(rest) = spelling.strip_prefix("\\x") {
        return (vec![u8::from_str_radix(&rest[..2], 16).unwrap()], &rest[2..]);
    }
    if let Some(rest) = spelling.strip_prefix("\\u{") {
        let (digits, rest) = rest.split_once('}').unwrap();
        let code = u32::from_str_radix(digits, 16).unwrap();
        return (utf8(char::from_u32(code).unwrap()), rest);
    }
    let written_out = spelling.strip_prefix('\\').unwrap_or(spelling);
    let character = written_out.chars().next().unwrap();
    (utf8(character), &written_out[character.len_utf8()..])
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (next, after) = next_bytes(rest);
        bytes.extend(next);
        rest = after;
    }
    String::from_utf8(bytes).unwrap()
}
