//! `tojson` as transformers has it: Python's `json.dumps`, not Jinja's escaping for web pages.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, Value};

use super::float;
use super::guard::SENTINEL;

/// Nesting at most. What clients send is less deep, as the JSON parser sees to.
const MAX_DEPTH: usize = 160;
/// Bytes of text at most, but for the last value's.
const MAX_BYTES: usize = 64 << 20;
/// Spaces of indentation at most.
const MAX_INDENT: usize = 64;

/// The filter: `tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false)`.
pub(super) fn tojson(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent = indent(options.get::<Option<Value>>("indent")?)?;
    let separators = options.get::<Option<Value>>("separators")?.filter(|value| !value.is_none());
    let (item, key) = match separators {
        Some(pair) => (part(&pair, 0)?, part(&pair, 1)?),
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let ensure_ascii = options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false);
    let sort_keys = options.get::<Option<bool>>("sort_keys")?.unwrap_or(false);
    options.assert_all_used()?;
    let mut writer = Writer { out: String::new(), indent, item, key, ensure_ascii, sort_keys };
    writer.value(value, 0)?;
    Ok(writer.out)
}

fn indent(value: Option<Value>) -> Result<Option<String>, Error> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(None) };
    let width = match value.as_str() {
        Some(text) => text.len(),
        None => value.as_usize().unwrap_or(usize::MAX),
    };
    if width > MAX_INDENT {
        return Err(invalid("tojson's indent is no small number"));
    }
    Ok(Some(value.as_str().map_or_else(|| " ".repeat(width), str::to_owned)))
}

fn part(separators: &Value, index: usize) -> Result<String, Error> {
    let part = separators.get_item_by_index(index)?;
    let short = part.as_str().filter(|text| text.len() <= MAX_INDENT);
    short.map(str::to_owned).ok_or_else(|| invalid("tojson's separators are no two short strings"))
}

struct Writer {
    out: String,
    indent: Option<String>,
    item: String,
    key: String,
    ensure_ascii: bool,
    sort_keys: bool,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(invalid("tojson's value is nested too deeply"));
        }
        if self.out.len() > MAX_BYTES {
            return Err(invalid("tojson's text is too long"));
        }
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.out.push_str(&number(value)),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?.checked().map(|item| Ok((None, item?)));
                self.members(['[', ']'], items.collect::<Result<_, Error>>()?, depth)?;
            }
            ValueKind::Map => {
                let mut members = Vec::new();
                for key in value.try_iter()?.checked() {
                    let key = key?;
                    members.push((Some(name(&key)?), value.get_item(&key)?));
                }
                if self.sort_keys {
                    members.sort_by(|(a, _), (b, _)| a.cmp(b));
                }
                self.members(['{', '}'], members, depth)?;
            }
            kind => return Err(invalid(&format!("tojson cannot write what is {kind}"))),
        }
        Ok(())
    }

    fn members(
        &mut self,
        [open, close]: [char; 2],
        members: Vec<(Option<String>, Value)>,
        depth: usize,
    ) -> Result<(), Error> {
        self.out.push(open);
        let empty = members.is_empty();
        for (index, (key, value)) in members.into_iter().enumerate() {
            if index > 0 {
                self.out.push_str(&self.item);
            }
            self.line(depth + 1);
            if let Some(key) = key {
                self.string(&key);
                self.out.push_str(&self.key);
            }
            self.value(&value, depth + 1)?;
        }
        if !empty {
            self.line(depth);
        }
        self.out.push(close);
        Ok(())
    }

    /// Begins a line, if lines are wanted.
    fn line(&mut self, depth: usize) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(indent.as_str(), depth));
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                // It is no part of the text.
                SENTINEL => self.out.push(character),
                ' '..='~' => self.out.push(character),
                '\u{0}'..='\u{1f}' => self.escape(character),
                _ if self.ensure_ascii => self.escape(character),
                _ => self.out.push(character),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            self.out.push_str(&format!("\\u{unit:04x}"));
        }
    }
}

/// A key as `json.dumps` writes it.
fn name(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Number => Ok(number(key)),
        kind => Err(invalid(&format!("tojson cannot write a key that is {kind}"))),
    }
}

fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(number) if !value.is_integer() => float::repr(number),
        _ => value.to_string(),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.to_owned())
}
