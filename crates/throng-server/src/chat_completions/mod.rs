//! `POST /v1/chat/completions`: the next turn of a conversation.

mod answer;
mod message;
mod messages;
mod prediction;
mod request;
mod response;
mod template_variables;
mod tools;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use throng_chat::{Chat, ChatError, Prompt};
use throng_engine::Logprobs;

pub(crate) use self::answer::{Answer, Piece};
pub(crate) use self::messages::{MADE_OF_IT, MAX_MESSAGES, MAX_PARTS, REPLAYED, function_type};
pub(crate) use self::request::{ChatRequest, conversation, effort};
use self::response::Completion;
pub(crate) use self::tools::{MAX_NAME, MAX_TOOLS, function, json_object, json_schema};
use crate::app::App;
use crate::error::ApiError;
use crate::logprobs::Writer;
use crate::serving::{Serving, Terms};
use crate::{blocking, body, sse, structured};

/// How an endpoint names what may be at fault.
pub(crate) struct Names {
    /// The parameter that becomes the prompt.
    pub(crate) prompt: &'static str,
    /// The schema of a function's arguments, within its tool.
    pub(crate) parameters: &'static str,
}

const NAMES: Names = Names { prompt: "messages", parameters: "function.parameters" };

/// The route's handler.
pub(crate) async fn create(serving: Serving, request: Request) -> Result<Response, ApiError> {
    let body = body::read(request).await?;
    let app = &serving.app;
    let chat = format(app)?.clone();
    let bytes = body.len();
    let prepare = {
        let (app, chat) = (app.clone(), chat.clone());
        move || {
            let request = ChatRequest::parse(&body, &app)?;
            let prompt = render(&chat, &request, app.context(), &NAMES)?;
            Ok::<_, ApiError>((request, prompt))
        }
    };
    let (request, prompt) = blocking::run(bytes, prepare).await??;
    let answers = ask(&serving, &chat, &request, prompt, &NAMES).await?;
    let completion = Completion {
        model: app.model.id.clone(),
        writer: request.logprobs.map(|_| Writer {
            tokenizer: app.tokenizer.clone(),
            tokens_as_ids: request.generation.tokens_as_ids,
        }),
        answers,
    };
    match request.stream {
        Some(options) => Ok(sse::respond(completion.stream(options))),
        None => Ok(Json(completion.collect().await?).into_response()),
    }
}

/// The prompt of a request.
///
/// # Errors
/// The conversation makes none, or one that is too long.
pub(crate) fn render(
    chat: &Chat,
    request: &ChatRequest,
    context: usize,
    names: &Names,
) -> Result<Prompt, ApiError> {
    chat.render_within(&request.conversation, context)
        .map_err(|error| unrenderable(error, context, names.prompt))
}

/// Has a request's prompt answered, as often as it says.
///
/// # Errors
/// The answer's form cannot be enforced, or the engine refuses.
pub(crate) async fn ask(
    serving: &Serving,
    chat: &Chat,
    request: &ChatRequest,
    prompt: Prompt,
    names: &Names,
) -> Result<Vec<Answer>, ApiError> {
    let (app, generation) = (&serving.app, &request.generation);
    let eos = eos(app, chat);
    let demand = request.demand(app);
    let form = structured::hold(app, chat, prompt.opening, demand, eos.clone()).await?;
    let form = form.map_err(|error| tools::unenforceable(request, error, names))?;
    let max_tokens = request.max_tokens.unwrap_or_else(|| app.context());
    let limits = generation.limits(max_tokens, &eos);
    let logprobs = Logprobs { answer: request.logprobs, prompt: None };
    let Prompt { ids, opening } = prompt;
    let prompt_tokens = ids.len();
    let constraint = form.map(structured::constraint);
    let terms = Terms { limits, logprobs, constraint, prediction: request.prediction.clone() };
    let streams = serving.submit(names.prompt, vec![ids], generation, terms)?;
    let answer = |(index, events)| {
        // The prompt is counted with the first answer.
        let counted = (index == 0).then_some(prompt_tokens);
        Answer::new(events, chat, opening, request, counted)
    };
    Ok(streams.into_iter().enumerate().map(answer).collect())
}

/// Tokens that end an answer, by the model's chat format or by its own account.
fn eos(app: &App, chat: &Chat) -> Vec<u32> {
    let mut eos = chat.stop_tokens().to_vec();
    eos.extend(&app.defaults.stop_tokens);
    eos
}

/// How the model chats.
///
/// # Errors
/// It does not.
pub(crate) fn format(app: &App) -> Result<&Chat, ApiError> {
    app.chat.as_ref().ok_or_else(|| {
        ApiError::unsupported("model", "it has no chat format; /v1/completions continues raw text")
    })
}

/// Why a conversation, which is the parameter `param`, is no prompt.
pub(crate) fn unrenderable(error: ChatError, context: usize, param: &str) -> ApiError {
    match error {
        ChatError::TooLong(least) => {
            ApiError::context_length(param, format_args!("at least {least}"), context)
        }
        // The operator's setting, and no client's fault.
        ChatError::InvalidDate(_) => ApiError::internal(error.to_string()),
        _ => ApiError::invalid(param, format_args!("cannot be rendered: {error}")),
    }
}
