//! What a rendering may use, in bytes: all that it names or writes is charged to one account.

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, filters};

use super::rewrite::{BOUNDED, STORED};
use super::{float, padding};

/// Bytes that one rendering may handle.
const MAX_BYTES: usize = 256 << 20;
/// What a value costs beside its text.
const VALUE_BYTES: usize = 32;
/// Nesting of values at most: more than JSON of a client's can have.
const MAX_DEPTH: usize = 160;

/// Bytes handled so far.
#[derive(Default)]
struct Account(usize);

fn charge(state: &mut State<'_, '_>, bytes: usize) -> Result<(), Error> {
    let account = state.get_or_insert_extension_with(Account::default);
    account.0 = account.0.saturating_add(bytes);
    if account.0 > MAX_BYTES { Err(refused("it makes too much of its input")) } else { Ok(()) }
}

fn refused(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, why)
}

/// Sets an environment up so that memory and the stack are bounded.
pub(super) fn install(environment: &mut Environment<'static>) {
    for name in ["batch", "slice", "pprint"] {
        environment.remove_filter(name);
    }
    environment.remove_global("debug");
    environment
        .add_filter(BOUNDED, |state: &mut State<'_, '_>, value: Value| bounded(state, value));
    environment.set_formatter(write);
    environment.add_filter(STORED, |state: &mut State<'_, '_>, value: Value| stored(state, value));
    environment.add_filter("throng_replace", filters::replace);
    environment.add_filter("throng_join", filters::join);
    environment.add_filter("throng_format", padding::format);
    environment.add_filter("throng_indent", padding::indent);
    for (name, original) in [
        ("replace", "throng_replace"),
        ("join", "throng_join"),
        ("format", "throng_format"),
        ("indent", "throng_indent"),
    ] {
        environment.add_filter(
            name,
            move |state: &mut State<'_, '_>, value: Value, args: Rest<ValueOrKwargs>| {
                let args = args.into_values();
                check_growth(state, name, &value, &args)?;
                let all: Vec<Value> = std::iter::once(value).chain(args).collect();
                state.apply_filter(original, &all)
            },
        );
    }
    environment.set_unknown_method_callback(|state, value, method, args| {
        if matches!(method, "replace" | "join" | "format") {
            // A text joins a list, a filter the other way round.
            let (value, args) = match (method, args) {
                ("join", [list]) => (list, std::slice::from_ref(value)),
                _ => (value, args),
            };
            check_growth(state, method, value, args)?;
        }
        padding::method(state, value, method, args)
    });
}

/// Charges a value that gets a name, and refuses what is nested too deeply. Iterators become lists:
/// they could nest without end.
fn bounded(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Iterable {
        let mut items = Vec::new();
        for item in value.try_iter()?.checked() {
            let item = item?;
            weigh(state, &item, 1)?;
            items.push(item);
        }
        return Ok(Value::from(items));
    }
    weigh(state, &value, 0)?;
    Ok(value)
}

/// The same for what is stored in a namespace, which must not come to hold itself.
fn stored(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if is_namespace(&value) {
        return Err(refused("it stores a namespace in a value"));
    }
    bounded(state, value)
}

fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
}

fn weigh(state: &mut State<'_, '_>, value: &Value, depth: usize) -> Result<(), Error> {
    charge(state, VALUE_BYTES + value.as_str().map_or(0, str::len))?;
    if depth > MAX_DEPTH {
        return Err(refused("it nests values too deeply"));
    }
    if depth > 0 && is_namespace(value) {
        return Err(refused("it stores a namespace in a value"));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()?.checked() {
                weigh(state, &item?, depth + 1)?;
            }
        }
        ValueKind::Map => {
            for key in value.try_iter()?.checked() {
                let key = key?;
                weigh(state, &key, depth + 1)?;
                weigh(state, &value.get_item(&key)?, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes a value, fractions as Python does.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    weigh(state, value, 0)?;
    match f64::try_from(value.clone()) {
        Ok(number) if value.is_number() && !value.is_integer() => {
            out.write_str(&float::repr(number)).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// Charges what a replacement, an indentation, a joining or a format makes at most.
fn check_growth(
    state: &mut State<'_, '_>,
    name: &str,
    value: &Value,
    args: &[Value],
) -> Result<(), Error> {
    let text = |value: Option<&Value>| value.map_or(0, |value| value.as_str().map_or(0, str::len));
    let bytes = match name {
        "replace" => {
            let from = args.first().and_then(Value::as_str).unwrap_or_default();
            let found = value.as_str().map_or(0, |text| text.matches(from).count());
            found.saturating_mul(text(args.get(1))).saturating_add(text(Some(value)))
        }
        "indent" => {
            let width =
                args.first().map_or(Ok(Value::from(4)), |width| match width.is_kwargs() {
                    true => width.get_attr("width"),
                    false => Ok(width.clone()),
                })?;
            let width = width.as_usize().unwrap_or(4).min(padding::MAX_WIDTH);
            let lines = value.as_str().map_or(0, |text| text.split('\n').count());
            lines.saturating_mul(width).saturating_add(text(Some(value)))
        }
        "join" => {
            weigh(state, value, 0)?;
            value.len().unwrap_or(text(Some(value))).saturating_mul(text(args.first()))
        }
        _ => {
            let pattern = value.as_str().unwrap_or_default();
            let args: usize = args.iter().map(|arg| text(Some(arg))).sum();
            pattern.matches(['%', '{']).count().saturating_mul(args + padding::MAX_WIDTH)
        }
    };
    charge(state, bytes)
}
