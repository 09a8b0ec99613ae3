//! `POST /v1/chat/completions`: the next turn of a conversation.

mod answer;
mod message;
mod messages;
mod request;
mod response;
mod template_variables;
mod tools;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use throng_chat::{Chat, ChatError, Form, Prompt};
use throng_engine::Logprobs;

pub(crate) use self::answer::{Answer, Piece};
pub(crate) use self::request::{ChatRequest, conversation, effort};
use self::response::Completion;
pub(crate) use self::tools::{MAX_TOOLS, function, json_object, json_schema};
use crate::app::App;
use crate::error::ApiError;
use crate::logprobs::Writer;
use crate::serving::Serving;
use crate::{blocking, body, sse, structured};

/// The parameter that becomes the prompt.
const PARAM: &str = "messages";

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
            let prompt = render(&chat, &request, app.context(), PARAM)?;
            Ok::<_, ApiError>((request, prompt))
        }
    };
    let (request, prompt) = blocking::run(bytes, prepare).await??;
    let answers = ask(&serving, &chat, &request, prompt, PARAM).await?;
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

/// The prompt of a request. Errors name the conversation by the parameter `param`.
///
/// # Errors
/// The conversation makes none, or one that is too long.
pub(crate) fn render(
    chat: &Chat,
    request: &ChatRequest,
    context: usize,
    param: &str,
) -> Result<Prompt, ApiError> {
    chat.render_within(&request.conversation, context)
        .map_err(|error| unrenderable(error, context, param))
}

/// Has a request's prompt answered, as often as it says. Errors name the prompt by the parameter
/// `param`.
///
/// # Errors
/// The answer's form cannot be enforced, or the engine refuses.
pub(crate) async fn ask(
    serving: &Serving,
    chat: &Chat,
    request: &ChatRequest,
    prompt: Prompt,
    param: &str,
) -> Result<Vec<Answer>, ApiError> {
    let (app, generation) = (&serving.app, &request.generation);
    let grammar = match &request.form {
        Some(wanted) => Some(structured::compile(app, wanted).await?),
        None => None,
    };
    let mut eos = chat.stop_tokens().to_vec();
    eos.extend(&app.defaults.stop_tokens);
    let max_tokens = request.max_tokens.unwrap_or_else(|| app.context());
    let limits = generation.limits(max_tokens, &eos);
    let logprobs = Logprobs { answer: request.logprobs, prompt: None };
    let Prompt { ids, opening } = prompt;
    let prompt_tokens = ids.len();
    let tools = &request.conversation.tools;
    let form = grammar.map(|grammar| Form::of_answer(grammar, chat, opening, tools, &eos));
    let form = form.transpose().map_err(structured::unusable)?;
    let form = form.map(structured::constraint);
    let streams = serving.submit(param, vec![ids], generation, &limits, logprobs, form)?;
    let answer = |(index, events)| {
        // The prompt is counted with the first answer.
        let counted = (index == 0).then_some(prompt_tokens);
        Answer::new(events, chat, opening, request, counted)
    };
    Ok(streams.into_iter().enumerate().map(answer).collect())
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
