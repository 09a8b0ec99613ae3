//! Padding as wide as a template says, within reason: minijinja itself would allocate any width.

use minijinja::value::{Kwargs, Rest, StringInput, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, Value, filters};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Characters of padding at most.
pub(super) const MAX_WIDTH: usize = 1000;

/// The filter `indent(width=4, first=false, blank=false)`.
pub(super) fn indent(
    value: StringInput<'_>,
    width: Option<usize>,
    first: Option<bool>,
    blank: Option<bool>,
    options: Kwargs,
) -> Result<Value, Error> {
    let named = if options.has("width") { options.get("width")? } else { None };
    if width.or(named).is_some_and(|width| width > MAX_WIDTH) {
        return Err(too_wide());
    }
    filters::indent(value, width, first, blank, options)
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
