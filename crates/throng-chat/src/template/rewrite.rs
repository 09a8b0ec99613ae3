//! Changes to a template's source before it is compiled.
//!
//! The engine counts instructions, and one instruction can double a text or nest a list once more.
//! So whatever a template names (by `set`, `for`, `with` or as a macro's parameter) passes through
//! the filter [`BOUNDED`], which refuses what grows without reason; within one expression only so
//! much can happen. `{% generation %}`, which marks what a model is trained on, means nothing here.

use super::lexer::{Piece, Scan, pieces};
use crate::chat::ChatError;

/// The name of the filter that checks sizes.
pub(super) const BOUNDED: &str = "throng_bounded";
/// The name of the same for what a namespace holds.
pub(super) const STORED: &str = "throng_stored";
/// Products that one template may have: each may make a text of a hundred megabytes.
const MAX_PRODUCTS: usize = 8;

/// A rewritten source.
pub(super) struct Rewritten {
    pub(super) source: String,
    /// Bytes of the longest text between tags.
    pub(super) longest_text: usize,
}

/// Rewrites a source.
///
/// # Errors
/// [`ChatError::Template`] for recursive loops and for many products, which no chat template needs.
pub(super) fn rewrite(source: &str) -> Result<Rewritten, ChatError> {
    let mut out = String::with_capacity(source.len() * 2);
    let (mut longest_text, mut products) = (0, 0);
    for piece in pieces(source)? {
        match piece {
            Piece::Other(text) => {
                out.push_str(text);
                longest_text = longest_text.max(text.len());
                products += if text.starts_with("{{") { stars(text) } else { 0 };
            }
            Piece::Tag { open, inside, close } => {
                products += stars(inside);
                rewrite_tag(open, inside, close, &mut out)?;
            }
        }
    }
    if products > MAX_PRODUCTS {
        return Err(ChatError::Template(format!("it has more than {MAX_PRODUCTS} products")));
    }
    Ok(Rewritten { source: out, longest_text })
}

/// Operators `*` and `**` outside strings.
fn stars(text: &str) -> usize {
    let mut scan = Scan::new(text);
    let mut count = 0;
    while let Some((_, character)) = scan.peek() {
        count += usize::from(character == '*');
        scan.next();
    }
    count
}

fn rewrite_tag(open: &str, inside: &str, close: &str, out: &mut String) -> Result<(), ChatError> {
    let (word, rest) = first_word(inside);
    let mut named = Vec::new();
    let changed = match word {
        "generation" => " if true ".to_owned(),
        "endgeneration" => " endif ".to_owned(),
        "set" => match find(rest, is_assignment) {
            Some(at) => {
                let (target, value) = (&rest[..at], &rest[at + 1..]);
                let filter = if target.contains('.') { STORED } else { BOUNDED };
                format!(" set {target}= ({value}) | {filter} ")
            }
            None => inside.to_owned(),
        },
        "for" => {
            if find(rest, |text| is_word(text, "recursive")).is_some() {
                return Err(ChatError::Template("it has a recursive loop".to_owned()));
            }
            let Some(at) = find(rest, |text| is_word(text, "in")) else {
                return Err(ChatError::Template("it has a loop over nothing".to_owned()));
            };
            let (target, items) = (&rest[..at], &rest[at + 3..]);
            let end = find(items, |text| is_word(text, "if")).unwrap_or(items.len());
            format!(" for {target} in ({}) | {BOUNDED} {}", &items[..end], &items[end..])
        }
        "macro" | "with" | "call" => {
            named = names(word, rest);
            inside.to_owned()
        }
        _ => inside.to_owned(),
    };
    let inserts: String =
        named.iter().map(|name| format!("{{% set {name} = ({name}) | {BOUNDED} {close}")).collect();
    // White space is trimmed where the last of the tags ends.
    let own_close = if inserts.is_empty() { close } else { "%}" };
    out.push_str(&format!("{open}{changed}{own_close}{inserts}"));
    Ok(())
}

fn first_word(inside: &str) -> (&str, &str) {
    let trimmed = inside.trim_start();
    let end =
        trimmed.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(trimmed.len());
    trimmed.split_at(end)
}

/// The names that a macro, a block of a call, or a `with` gives to values.
fn names<'a>(word: &str, rest: &'a str) -> Vec<&'a str> {
    let list = match word {
        "with" => rest,
        // The parameters of a call's block come first: `{% call(x) f() %}`.
        "call" if !rest.trim_start().starts_with('(') => return Vec::new(),
        _ => rest.split_once('(').map_or("", |(_, list)| list),
    };
    let mut names = Vec::new();
    let (mut scan, mut start) = (Scan::new(list), Some(0));
    loop {
        let next = scan.peek();
        let ends = next.is_none_or(|(_, c)| scan.depth == 0 && matches!(c, ',' | '=' | ')'));
        if ends && let Some(from) = start.take() {
            let name = list[from..next.map_or(list.len(), |(at, _)| at)].trim();
            let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            names.extend((is_name && !name.is_empty()).then_some(name));
        }
        match next {
            None => return names,
            Some((_, ')')) if scan.depth == 0 => return names,
            Some((at, ',')) if scan.depth == 0 => start = Some(at + 1),
            Some(_) => {}
        }
        scan.next();
    }
}

/// The first place outside strings and brackets where `is` holds of the text from there on, the
/// character before it included.
fn find(text: &str, is: impl Fn(&str) -> bool) -> Option<usize> {
    let mut scan = Scan::new(text);
    while let Some((at, _)) = scan.peek() {
        if scan.depth == 0 && is(&text[at..]) {
            return Some(at);
        }
        scan.next();
    }
    None
}

fn is_assignment(text: &str) -> bool {
    text.starts_with('=') && !text.starts_with("==")
}

/// Whether white space and then the word begins the text.
fn is_word(text: &str, word: &str) -> bool {
    let Some(rest) = text.strip_prefix(|c: char| c.is_ascii_whitespace()) else { return false };
    let after = rest.strip_prefix(word).map(|after| after.chars().next());
    after.is_some_and(|next| next.is_none_or(|c| !c.is_alphanumeric() && c != '_'))
}
