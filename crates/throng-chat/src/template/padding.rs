//! Padding as wide as a template says, within reason: minijinja itself would allocate any width.

use minijinja::value::{Kwargs, Rest, StringInput, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, Value, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Characters of padding at most.
pub(super) const MAX_WIDTH: usize = 1000;

/// The filter `indent(width=4, first=false, blank=false)`, which leaves newlines at a text's end as
/// they are: the engine's own takes one away.
pub(super) fn indent(
    value: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let width = width.map_or_else(|| options.get("width"), |width| Ok(Some(width)))?.unwrap_or(4);
    let first = first.map_or_else(|| options.get("first"), |first| Ok(Some(first)))?;
    let blank = blank.map_or_else(|| options.get("blank"), |blank| Ok(Some(blank)))?;
    options.assert_all_used()?;
    if width > MAX_WIDTH {
        return Err(too_wide());
    }
    let indent = " ".repeat(width);
    let mut indented = String::new();
    for (number, line) in value.as_str().split('\n').enumerate() {
        let indents = match number {
            0 => first.unwrap_or(false),
            _ => blank.unwrap_or(false) || !line.is_empty(),
        };
        indented.push_str(if number > 0 { "\n" } else { "" });
        indented.push_str(if indents { &indent } else { "" });
        indented.push_str(line);
    }
    Ok(indented)
}

/// The filter `format`, with the widths of `printf`.
pub(super) fn format(
    state: &mut State,
    format: &Value,
    values: Rest<ValueOrKwargs>,
) -> Result<Value, Error> {
    check(format.as_str().unwrap_or_default().split('%').skip(1).map(printf_spec))?;
    filters::format(state, format, values)
}

/// Python's methods of texts, lists and mappings, with the widths of `str.format`.
pub(super) fn method(
    state: &mut State,
    value: &Value,
    method: &str,
    values: &[Value],
) -> Result<Value, Error> {
    if let ("format", Some(format)) = (method, value.as_str()) {
        check(format.split('{').skip(1).filter_map(field_spec))?;
    }
    unknown_method_callback(state, value, method, values)
}

/// Flags, width and precision of what follows a `%`.
fn printf_spec(rest: &str) -> &str {
    let keyed = rest.strip_prefix('(').and_then(|key| key.split_once(')'));
    let spec = keyed.map_or(rest, |(_, spec)| spec);
    let ends = |c: char| !matches!(c, '#' | '-' | '+' | ' ' | '.' | '*' | '0'..='9');
    &spec[..spec.find(ends).unwrap_or(spec.len())]
}

/// What the field that follows a `{` has behind its colon.
fn field_spec(rest: &str) -> Option<&str> {
    let (name, spec) = rest.split_once(':')?;
    // A brace ends the field, but not within an index, nor as the character to fill with.
    if name.contains('}') && !name.contains('[') {
        return None;
    }
    let mut ends = spec.char_indices().skip(1).filter(|(_, c)| *c == '}');
    Some(&spec[..ends.next().map_or(spec.len(), |(at, _)| at)])
}

/// Refuses numbers in format specifications that are wider than any text would be.
fn check<'a>(mut specs: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let number = |digits: &str| digits.parse().unwrap_or(usize::MAX);
    let is_wide = |spec: &str| {
        let mut numbers = spec.split(|c: char| !c.is_ascii_digit()).filter(|s| !s.is_empty());
        // A star takes its number from the values.
        spec.contains('*') || numbers.any(|digits| number(digits) > MAX_WIDTH)
    };
    if specs.any(is_wide) { Err(too_wide()) } else { Ok(()) }
}

fn too_wide() -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("padding wider than {MAX_WIDTH}"))
}
