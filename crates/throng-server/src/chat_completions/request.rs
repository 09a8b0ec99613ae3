//! The body of `POST /v1/chat/completions`, checked.

use std::sync::Arc;

use serde_json::{Value, json};
use throng_chat::{Calls, Conversation, Demand, Effort, Grammar};
use throng_engine::Prediction;

use super::{messages, prediction, template_variables, tools};
use crate::app::App;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::sampling::{Generation, MAX_TOP_LOGPROBS};
use crate::stream_options::StreamOptions;
use crate::structured::{self, Wanted};

/// What a client asks for.
#[derive(Debug)]
pub(crate) struct ChatRequest {
    /// What to continue.
    pub(crate) conversation: Conversation,
    /// The form that the answer must have, whether the model is told of it or not.
    pub(crate) form: Option<Wanted>,
    /// What it may call, and whether it must.
    pub(crate) calls: Calls,
    /// What the answer will say, as far as the client knows.
    pub(crate) prediction: Option<Arc<Prediction>>,
    /// How.
    pub(crate) generation: Generation,
    /// Tokens of the answer at most, reasoning included; `None`: as many as fit.
    pub(crate) max_tokens: Option<usize>,
    /// Most probable tokens to report at each position of the answer; `None`: no log-probabilities.
    pub(crate) logprobs: Option<usize>,
    /// Whether the reasoning is part of the answer.
    pub(crate) include_reasoning: bool,
    /// `None`: the answer comes in one piece.
    pub(crate) stream: Option<StreamOptions>,
}

impl ChatRequest {
    /// Reads a body.
    pub(super) fn parse(body: &[u8], app: &App) -> Result<Self, ApiError> {
        let mut fields = Fields::parse(body)?;
        let model = fields.string("model")?;
        app.check_model(&fields.required("model", model)?)?;
        refuse_unsupported(&mut fields)?;
        let (conversation, calls) = conversation(&mut fields, app)?;
        let told = conversation.response_format.as_ref().map(|format| Wanted {
            param: fields.path("response_format"),
            grammar: Grammar::Json(format.schema.clone()),
        });
        let request = Self {
            conversation,
            calls,
            form: structured::one_of(told.into_iter().chain(structured::take(&mut fields)?))?,
            prediction: prediction::take(&mut fields, app)?,
            generation: Generation::take(&mut fields, &app.defaults)?,
            max_tokens: max_tokens(&mut fields)?,
            logprobs: logprobs(&mut fields)?,
            include_reasoning: fields.boolean("include_reasoning")?.unwrap_or(true),
            stream: StreamOptions::take(&mut fields)?,
        };
        fields.finish()?;
        request.generation.check_minimum(request.max_tokens.unwrap_or(usize::MAX))?;
        request.generation.check_form(request.held_by())?;
        Ok(request)
    }

    /// What all of the answer must be like.
    pub(super) fn demand(&self, app: &App) -> Demand {
        // An answer that does not end where the model ends it is no conversation's turn.
        let ends = !self.generation.ignore_eos;
        Demand {
            content: self.form.as_ref().map(|form| form.grammar.clone()),
            calls: Calls { single: self.calls.single && ends, ..self.calls.clone() },
            headers: app.defaults.header_grammar && ends,
        }
    }

    /// The parameter that says how the answer must end, if one does.
    pub(crate) fn held_by(&self) -> Option<&str> {
        let form = self.form.as_ref().map(|form| form.param.as_str());
        let calls = &self.calls;
        let choice = (calls.required || calls.restricted).then_some("tool_choice");
        let strict = calls.functions.iter().any(|function| function.strict).then_some("tools");
        form.or(choice).or(strict)
    }
}

/// Takes all that becomes the prompt out of a body, and what is said there of calls.
pub(crate) fn conversation(
    fields: &mut Fields,
    app: &App,
) -> Result<(Conversation, Calls), ApiError> {
    let said = template_variables::take(fields, app)?;
    let messages = messages::take(fields)?;
    let (tools, calls) = tools::take(fields)?;
    let conversation = Conversation {
        messages,
        tools,
        response_format: tools::take_format(fields)?,
        effort: effort(fields, "reasoning_effort")?.or(said.effort).unwrap_or_default(),
        date: app.date.text(),
        template_variables: said.variables,
    };
    Ok((conversation, calls))
}

/// Parameters of OpenAI's API that have no meaning here.
fn refuse_unsupported(fields: &mut Fields) -> Result<(), ApiError> {
    fields.ignore(&["safety_identifier", "prompt_cache_key", "prompt_cache_retention"]);
    if fields.string("service_tier")?.is_some_and(|tier| tier != "auto" && tier != "default") {
        return Err(ApiError::unsupported("service_tier", "all requests are served alike"));
    }
    fields.refuse(&[
        ("audio", Value::Null, "the model writes text alone"),
        ("modalities", json!(["text"]), "the model writes text alone"),
        ("functions", Value::Null, "it is 'tools' today"),
        ("function_call", Value::Null, "it is 'tool_choice' today"),
        ("verbosity", json!("medium"), "the model has no such setting"),
        ("web_search_options", Value::Null, "the model reaches no web"),
    ])
}

/// How long to think, if the object says so under this key.
pub(crate) fn effort(fields: &mut Fields, key: &str) -> Result<Option<Effort>, ApiError> {
    let Some(name) = fields.string(key)? else { return Ok(None) };
    name.parse().map(Some).map_err(|_| {
        let names = "'none', 'minimal', 'low', 'medium', 'high' or 'xhigh'";
        ApiError::invalid(&fields.path(key), format_args!("must be {names}, not '{name}'"))
    })
}

fn max_tokens(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let new = fields.count("max_completion_tokens", 1..=u32::MAX)?;
    let old = fields.count("max_tokens", 1..=u32::MAX)?;
    Ok(match (new, old) {
        (Some(new), Some(old)) => Some(new.min(old)),
        (new, old) => new.or(old),
    })
}

fn logprobs(fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let wanted = fields.boolean("logprobs")?.unwrap_or(false);
    let top = fields.count("top_logprobs", 0..=MAX_TOP_LOGPROBS)?;
    match (wanted, top) {
        (false, Some(1..)) => Err(ApiError::invalid("top_logprobs", "needs 'logprobs': true")),
        (false, _) => Ok(None),
        (true, top) => Ok(Some(top.unwrap_or(0))),
    }
}
