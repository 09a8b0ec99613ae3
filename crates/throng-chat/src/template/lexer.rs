//! A template's source as text, tags, expressions and comments.

use crate::chat::ChatError;

/// A part of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// `{% … %}`: its beginning (`{%`, `{%-`), its inside and its end.
    Tag {
        /// `{%` with `-` or `+`.
        open: &'a str,
        /// What it says.
        inside: &'a str,
        /// `%}` with `-` or `+`.
        close: &'a str,
    },
    /// All else, as it stands: text, `{{ … }}`, comments, raw blocks.
    Other(&'a str),
}

/// Divides a source.
///
/// # Errors
/// [`ChatError::Template`] where something does not end.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece<'_>>, ChatError> {
    let mut pieces = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let length = match rest.as_bytes() {
            [b'{', b'#', ..] => rest.find("#}").map(|at| at + 2),
            [b'{', b'{', ..] => end(rest, "}}"),
            [b'{', b'%', ..] => end(rest, "%}"),
            // The first character may be a brace that begins nothing, or more than one byte.
            [_, others @ ..] => {
                Some(1 + others.iter().position(|&byte| byte == b'{').unwrap_or(others.len()))
            }
            [] => None,
        };
        let length = length.ok_or_else(|| {
            let line = source[..source.len() - rest.len()].lines().count().max(1);
            ChatError::Template(format!("what begins in line {line} does not end"))
        })?;
        let (piece, after) = rest.split_at(length);
        rest = after;
        pieces.push(tag(piece).unwrap_or(Piece::Other(piece)));
        if matches!(pieces.last(), Some(Piece::Tag { inside, .. }) if inside.trim() == "raw") {
            let end = raw_end(rest);
            pieces.push(Piece::Other(&rest[..end]));
            rest = &rest[end..];
        }
    }
    Ok(pieces)
}

/// Where the tag begins that ends a raw block.
fn raw_end(text: &str) -> usize {
    let is_end = |at: &usize| {
        let inside = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
        inside.starts_with("endraw")
    };
    text.match_indices("{%").map(|(at, _)| at).find(is_end).unwrap_or(text.len())
}

/// The parts of a tag; `None` if the text is none.
fn tag(piece: &str) -> Option<Piece<'_>> {
    let inside = piece.strip_prefix("{%")?.strip_suffix("%}")?;
    let signs = ['-', '+'];
    let opening = 2 + usize::from(inside.starts_with(signs));
    let closing =
        piece.len() - 2 - usize::from(inside.len() > opening - 2 && inside.ends_with(signs));
    let (open, rest) = piece.split_at(opening);
    let (inside, close) = rest.split_at(closing - opening);
    Some(Piece::Tag { open, inside, close })
}

/// Where the delimiter ends that stands neither in a string nor in brackets.
fn end(text: &str, delimiter: &str) -> Option<usize> {
    // The brackets of the beginning itself are `{{` or `{%`.
    let mut scan = Scan::new(&text[2..]);
    while let Some((at, _)) = scan.peek() {
        if scan.depth == 0 && text[2 + at..].starts_with(delimiter) {
            return Some(2 + at + delimiter.len());
        }
        scan.next();
    }
    None
}

/// Goes through the characters of an expression, past its strings, and counts brackets.
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Brackets that are open.
    pub(super) depth: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The next character and where it is. A string is its first quote.
    pub(super) fn peek(&self) -> Option<(usize, char)> {
        Some((self.at, self.text[self.at..].chars().next()?))
    }

    /// Passes it, and with a quote the whole string.
    pub(super) fn next(&mut self) {
        let Some((at, character)) = self.peek() else { return };
        self.at += character.len_utf8();
        match character {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            '"' | '\'' => self.at = string_end(self.text, at, character),
            _ => {}
        }
    }
}

/// Where the string ends that begins at `at`.
fn string_end(text: &str, at: usize, quote: char) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip_while(|(index, _)| *index <= at) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return index + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[test]
    fn text_may_begin_with_any_character() {
        for text in ["Ā", "Ā ", "{Ā", "„{ }“", "｜"] {
            let source = format!("{text}{{{{ x }}}}{text}");
            let found = pieces(&source).unwrap();
            let texts = found.iter().map(|piece| match piece {
                Piece::Other(text) => *text,
                Piece::Tag { .. } => panic!("a tag in {source}"),
            });
            let texts: Vec<&str> = texts.collect();
            assert_eq!(texts.concat(), source);
            assert!(texts.contains(&"{{ x }}"), "{texts:?}");
        }
    }
}
