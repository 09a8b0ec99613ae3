//! What a request says of the form of its answer: `structured_outputs` as vLLM has it, the names
//! that it had before, and OpenAI's `response_format`, which a chat request takes itself.

use std::sync::Arc;

use serde_json::{Value, json};
use throng_chat::{Chat, Compiled, Demand, DemandError, Form, FormError, Formed, Grammar, Opening};
use throng_engine::{Constraint, ConstraintError, ConstraintState};

use crate::app::App;
use crate::blocking;
use crate::error::ApiError;
use crate::fields::{Fields, elements};

/// A form that an answer must have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// The parameter that says so.
    pub(crate) param: String,
    /// The form.
    pub(crate) grammar: Grammar,
}

/// Takes vLLM's parameters out of a body.
pub(crate) fn take(fields: &mut Fields) -> Result<Option<Wanted>, ApiError> {
    let mut all = Vec::new();
    for (name, read) in FORMS {
        let key = format!("guided_{name}");
        let path = fields.path(&key);
        if let Some(value) = fields.value(&key) {
            all.push(wanted(path, value, read)?);
        }
    }
    if let Some(mut inner) = fields.fields("structured_outputs")? {
        for (name, read) in FORMS {
            let path = inner.path(name);
            if let Some(value) = inner.value(name) {
                all.push(wanted(path, value, read)?);
            }
        }
        let param = inner.path("json_object");
        if inner.boolean("json_object")? == Some(true) {
            all.push(Wanted { param, grammar: Grammar::json_object() });
        }
        let own = "white space and what a schema leaves open are as this server has them";
        inner.refuse(&[
            ("structural_tag", Value::Null, "one form holds for the whole answer"),
            ("whitespace_pattern", Value::Null, own),
            ("disable_any_whitespace", json!(false), own),
            ("disable_additional_properties", json!(false), own),
        ])?;
        inner.ignore(&["disable_fallback"]);
        inner.finish()?;
    }
    one_of(all)
}

/// The form that is asked for, of which there may be only one.
pub(crate) fn one_of(wanted: impl IntoIterator<Item = Wanted>) -> Result<Option<Wanted>, ApiError> {
    let mut wanted = wanted.into_iter();
    match (wanted.next(), wanted.next()) {
        (Some(one), Some(other)) => {
            let message = format_args!("cannot go together with '{}'", one.param);
            Err(ApiError::invalid(&other.param, message))
        }
        (one, _) => Ok(one),
    }
}

/// Makes a grammar of a parameter's value; the text names the parameter.
type Read = fn(&str, Value) -> Result<Grammar, ApiError>;

/// The forms by the ends of their names.
const FORMS: [(&str, Read); 4] =
    [("json", schema), ("regex", regex), ("choice", choice), ("grammar", lark)];

fn wanted(param: String, value: Value, read: Read) -> Result<Wanted, ApiError> {
    let grammar = read(&param, value)?;
    Ok(Wanted { param, grammar })
}

/// A schema, as JSON or as a text of it.
fn schema(path: &str, value: Value) -> Result<Grammar, ApiError> {
    let value = match value {
        Value::String(text) => serde_json::from_str(&text)
            .map_err(|error| ApiError::invalid(path, format_args!("is not JSON: {error}")))?,
        value if value.is_object() => value,
        other => return Err(ApiError::mistyped(path, "a JSON schema, which is an object", &other)),
    };
    if !value.is_object() {
        return Err(ApiError::invalid(path, "must be a text of a JSON schema, which is an object"));
    }
    Ok(Grammar::Json(value))
}

fn regex(path: &str, value: Value) -> Result<Grammar, ApiError> {
    text(path, value).map(Grammar::Regex)
}

fn lark(path: &str, value: Value) -> Result<Grammar, ApiError> {
    text(path, value).map(Grammar::Lark)
}

fn choice(path: &str, value: Value) -> Result<Grammar, ApiError> {
    let Value::Array(values) = value else {
        return Err(ApiError::mistyped(path, "an array of strings", &value));
    };
    let texts = elements(path.to_owned(), values).map(|(path, value)| text(&path, value));
    texts.collect::<Result<_, _>>().map(Grammar::Choice)
}

fn text(path: &str, value: Value) -> Result<String, ApiError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(ApiError::mistyped(path, "a string", &other)),
    }
}

/// Compiles a form, on a thread where it may take its time.
///
/// # Errors
/// The parameter cannot be enforced.
pub(crate) async fn compile(app: &Arc<App>, wanted: &Wanted) -> Result<Arc<Compiled>, ApiError> {
    let (app, grammar) = (app.clone(), wanted.grammar.clone());
    let compiled = blocking::run(usize::MAX, move || app.grammars.compile(&grammar)).await?;
    compiled.map_err(|error| ApiError::invalid(&wanted.param, error))
}

/// Makes ready what an answer to a chat is held to, on a thread where it may take its time if there
/// is anything to compile; `ends`: the tokens that end the answer. The inner result is the demand's.
///
/// # Errors
/// The server is shutting down.
pub(crate) async fn hold(
    app: &Arc<App>,
    chat: &Chat,
    opening: Opening,
    demand: Demand,
    ends: Vec<u32>,
) -> Result<Result<Option<Form>, DemandError>, ApiError> {
    let (app, chat) = (app.clone(), chat.clone());
    let light = demand.content.is_none() && !demand.compiles_calls();
    let work = move || Form::of_answer(&app.grammars, &chat, opening, &demand, &ends);
    blocking::run(if light { 0 } else { usize::MAX }, work).await
}

/// A form that this model's answers cannot have.
pub(crate) fn unusable(error: FormError) -> ApiError {
    ApiError::unsupported("structured_outputs", error)
}

/// The form as the engine knows it.
pub fn constraint(form: Form) -> Arc<dyn Constraint> {
    Arc::new(FormConstraint(form))
}

#[derive(Debug)]
struct FormConstraint(Form);

impl Constraint for FormConstraint {
    fn begin(&self) -> Box<dyn ConstraintState> {
        Box::new(FormState(self.0.begin()))
    }
}

#[derive(Debug)]
struct FormState(Formed);

impl ConstraintState for FormState {
    fn is_loose(&self) -> bool {
        self.0.is_loose()
    }

    fn allows(&mut self, id: u32) -> Result<bool, ConstraintError> {
        self.0.allows(id).map_err(|error| ConstraintError(error.to_string()))
    }

    fn allowed(&mut self) -> Result<&[u32], ConstraintError> {
        self.0.allowed().map_err(|error| ConstraintError(error.to_string()))
    }

    fn commit(&mut self, id: u32) -> Result<(), ConstraintError> {
        self.0.push(id).map_err(|error| ConstraintError(error.to_string()))
    }
}
