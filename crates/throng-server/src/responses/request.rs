//! The body of `POST /v1/responses`, checked.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use throng_chat::{Conversation, Grammar, Message};

use super::item::Item;
use super::options;
use super::store::Library;
use super::{input, tools, turns};
use crate::app::App;
use crate::chat_completions::ChatRequest;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::sampling::{Generation, MAX_TOP_LOGPROBS};
use crate::structured::{self, Wanted};

/// What a client asks for.
#[derive(Debug)]
pub(super) struct ResponsesRequest {
    /// What it comes to: the next turn of a conversation.
    pub(super) turn: ChatRequest,
    /// The items of that conversation, those of earlier responses first.
    pub(super) items: Vec<Arc<Item>>,
    /// What the answer repeats of the request.
    pub(super) echo: Map<String, Value>,
    /// Whether the answer is kept.
    pub(super) store: bool,
    /// Whether the answer is written whoever waits for it.
    pub(super) background: bool,
    /// Whether it comes piece by piece.
    pub(super) stream: bool,
}

impl ResponsesRequest {
    /// Reads a body. What it refers to is looked up in `library`.
    pub(super) fn parse(body: &[u8], app: &App, library: &Library) -> Result<Self, ApiError> {
        let mut fields = Fields::parse(body)?;
        let model = fields.string("model")?;
        app.check_model(&fields.required("model", model)?)?;
        refuse_unsupported(&mut fields)?;
        let mut echo = echoed(&mut fields)?;
        let store = store(&mut fields, library)?;
        let background = background(&mut fields, store)?;
        let stream = options::stream(&mut fields)?;
        let (turn, items) = turn(&mut fields, app, library, &mut echo)?;
        fields.finish()?;
        turn.generation.check_minimum(turn.max_tokens.unwrap_or(usize::MAX))?;
        turn.generation.check_form(turn.held_by())?;
        let settled = [("store", store), ("background", background)];
        echo.extend(settled.map(|(key, value)| (key.to_owned(), json!(value))));
        echo.insert("model".to_owned(), json!(app.model.id));
        Ok(Self { turn, items, echo, store, background, stream })
    }
}

/// Takes what becomes of the prompt and its answer out of a body.
fn turn(
    fields: &mut Fields,
    app: &App,
    library: &Library,
    echo: &mut Map<String, Value>,
) -> Result<(ChatRequest, Vec<Arc<Item>>), ApiError> {
    let previous = fields.string("previous_response_id")?;
    let mut items = match &previous {
        None => Vec::new(),
        Some(id) => library.conversation(id)?,
    };
    items.extend(input::take(fields, library)?);
    let instructions = fields.string("instructions")?;
    let tools = tools::take(fields)?;
    let (response_format, text) = options::text(fields)?;
    let (effort, reasoning) = options::reasoning(fields)?;
    let mut messages: Vec<Message> =
        instructions.iter().map(|text| Message::Instructions(text.clone())).collect();
    messages.extend(turns::messages(&items));
    let max_tokens = fields.count("max_output_tokens", 1..=u32::MAX)?;
    let (logprobs, top) = logprobs(fields)?;
    let told = response_format.as_ref().map(|format| Wanted {
        param: "text.format".to_owned(),
        grammar: Grammar::Json(format.schema.clone()),
    });
    let form = structured::one_of(told.into_iter().chain(structured::take(fields)?))?;
    let generation = generation(fields, app)?;
    let repeated = [
        ("previous_response_id", json!(previous)),
        ("instructions", json!(instructions)),
        ("tools", Value::Array(tools.tools)),
        ("tool_choice", tools.choice),
        ("parallel_tool_calls", json!(tools.parallel)),
        ("text", text),
        ("reasoning", reasoning),
        ("max_output_tokens", json!(max_tokens)),
        ("top_logprobs", json!(top)),
        ("temperature", json!(decimal(generation.sampling.temperature))),
        ("top_p", json!(decimal(generation.sampling.top_p))),
    ];
    echo.extend(repeated.map(|(key, value)| (key.to_owned(), value)));
    let conversation = Conversation {
        messages,
        tools: tools.told,
        response_format,
        effort,
        date: app.date.text(),
        template_variables: Map::new(),
    };
    let turn = ChatRequest {
        conversation,
        form,
        calls: tools.calls,
        prediction: None,
        generation,
        max_tokens,
        logprobs,
        include_reasoning: true,
        stream: None,
    };
    Ok((turn, items))
}

/// How tokens are drawn. An answer is one.
fn generation(fields: &mut Fields, app: &App) -> Result<Generation, ApiError> {
    if let Some(several) = ["n", "best_of"].into_iter().find(|key| fields.has(key)) {
        return Err(ApiError::unknown(several));
    }
    Generation::take(fields, &app.defaults)
}

/// Parameters of OpenAI's API that have no meaning here.
fn refuse_unsupported(fields: &mut Fields) -> Result<(), ApiError> {
    if fields.string("service_tier")?.is_some_and(|tier| tier != "auto" && tier != "default") {
        return Err(ApiError::unsupported("service_tier", "all requests are served alike"));
    }
    let cached = "every prompt is looked up; 'cache_salt' keeps prefixes apart";
    fields.refuse(&[
        ("access_programs", Value::Null, "whoever may ask may ask anything"),
        ("background_options", json!({ "completion_window": "soonest" }), "there is one queue"),
        ("context_management", json!([]), "a conversation stays as it is"),
        ("conversation", Value::Null, "'previous_response_id' goes on with one"),
        ("image", json!({ "context_compression": "auto" }), "the model reads text alone"),
        ("moderation", Value::Null, "there is no model that judges"),
        ("prompt", Value::Null, "no prompts are kept here"),
        ("prompt_cache_options", json!({ "mode": "implicit" }), cached),
        ("truncation", json!("disabled"), "a conversation that is too long is an error"),
    ])
}

/// Takes parameters that change nothing, and that an answer repeats.
fn echoed(fields: &mut Fields) -> Result<Map<String, Value>, ApiError> {
    let mut echo = Map::new();
    echo.insert("metadata".to_owned(), Value::Object(options::metadata(fields)?));
    for key in ["user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"] {
        echo.insert(key.to_owned(), json!(fields.string(key)?));
    }
    // It limits calls of the server's own functions, of which there are none.
    let most = fields.count("max_tool_calls", 1..=u32::MAX)?;
    echo.insert("max_tool_calls".to_owned(), json!(most));
    echo.insert("truncation".to_owned(), json!("disabled"));
    echo.insert("service_tier".to_owned(), json!("default"));
    Ok(echo)
}

/// Takes `store`: whether the answer is kept.
fn store(fields: &mut Fields, library: &Library) -> Result<bool, ApiError> {
    match (fields.boolean("store")?, library.keeps()) {
        (Some(true), false) => {
            Err(ApiError::unsupported("store", "this server is set to keep no answers"))
        }
        (wanted, keeps) => Ok(wanted.unwrap_or(keeps)),
    }
}

/// Takes `background`: whether the answer is written whoever waits for it.
fn background(fields: &mut Fields, store: bool) -> Result<bool, ApiError> {
    let background = fields.boolean("background")?.unwrap_or(false);
    if background && !store {
        return Err(ApiError::invalid("background", "needs 'store': true, to be found again"));
    }
    Ok(background)
}

/// Takes `include` and `top_logprobs`: how many most probable tokens to report at each position, if
/// any scores are wanted, and what an answer repeats.
fn logprobs(fields: &mut Fields) -> Result<(Option<usize>, usize), ApiError> {
    let included = options::include(fields)?;
    let top = fields.count("top_logprobs", 0..=MAX_TOP_LOGPROBS)?.unwrap_or(0);
    Ok(((included || top > 0).then_some(top), top))
}

/// A number as a person wrote it: 0.7, and not the f32 next to it.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::from(number))
}
