//! `POST /v1/completions`: continues raw text.

mod choice;
mod request;
mod response;

use std::sync::Arc;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use throng_chat::{Compiled, Form};
use throng_engine::Logprobs;

use self::choice::{Choice, Terms};
use self::request::{CompletionRequest, Prompt};
pub(crate) use self::request::{DEFAULT_MAX_TOKENS, MAX_PROMPTS};
use self::response::Answers;
use crate::app::App;
use crate::error::ApiError;
use crate::logprobs::Writer;
use crate::serving::{self, Serving};
use crate::{blocking, body, sse, structured};

/// The route's handler.
pub(crate) async fn create(serving: Serving, request: Request) -> Result<Response, ApiError> {
    let body = body::read(request).await?;
    let app = &serving.app;
    let bytes = body.len();
    let prepare = {
        let app = app.clone();
        move || {
            let request = CompletionRequest::parse(&body, &app)?;
            let prompts = tokenise(&request.prompts, &app)?;
            Ok::<_, ApiError>((request, prompts))
        }
    };
    let (request, prompts) = blocking::run(bytes, prepare).await??;
    let grammar = match &request.form {
        Some(wanted) => Some(structured::compile(app, wanted).await?),
        None => None,
    };
    let choices = submit(&serving, &request, prompts, grammar)?;
    let answers = Answers {
        model: app.model.id.clone(),
        writer: request.logprobs.map(|_| Writer {
            tokenizer: app.tokenizer.clone(),
            tokens_as_ids: request.generation.tokens_as_ids,
        }),
        choices,
    };
    match request.stream {
        Some(options) => Ok(sse::respond(answers.stream(options))),
        None => Ok(Json(answers.collect().await?).into_response()),
    }
}

/// Token ids of all prompts.
fn tokenise(prompts: &[Prompt], app: &App) -> Result<Vec<Vec<u32>>, ApiError> {
    prompts
        .iter()
        .map(|prompt| match prompt {
            Prompt::Text(text) => encode(text, true, app),
            Prompt::Tokens(ids) => Ok(ids.clone()),
        })
        .collect()
}

/// Token ids of a text; `alone`: with those that the tokenizer puts around a text of its own.
pub(crate) fn encode(text: &str, alone: bool, app: &App) -> Result<Vec<u32>, ApiError> {
    let (least, context) = (app.tokenizer.least_tokens(text), app.context());
    if least > context {
        return Err(ApiError::context_length("prompt", format_args!("at least {least}"), context));
    }
    let tokenizer = &app.tokenizer;
    let ids = if alone { tokenizer.encode_alone(text) } else { tokenizer.encode(text) };
    ids.map_err(|error| ApiError::invalid("prompt", format_args!("is unusable: {error}")))
}

/// Hands all prompts to the engine, or, if it refuses one, none.
fn submit(
    serving: &Serving,
    request: &CompletionRequest,
    prompts: Vec<Vec<u32>>,
    grammar: Option<Arc<Compiled>>,
) -> Result<Vec<Choice>, ApiError> {
    let (app, generation) = (&serving.app, &request.generation);
    let logprobs =
        Logprobs { answer: request.logprobs, prompt: request.logprobs.filter(|_| request.echo) };
    let limits = generation.limits(request.max_tokens, &app.defaults.stop_tokens);
    let form = grammar.map(|grammar| Form::of_text(grammar, &app.defaults.stop_tokens));
    let form = form.transpose().map_err(structured::unusable)?;
    let form = form.map(structured::constraint);
    let asked = serving::Terms { limits, logprobs, constraint: form, prediction: None };
    let events = serving.submit("prompt", prompts.clone(), generation, asked)?;
    let choice = |(number, events): (usize, _)| {
        let first = number % generation.choices == 0;
        let terms = Terms {
            echo: request.echo,
            stop: generation.stop.clone(),
            min_tokens: generation.min_tokens,
            first,
        };
        Choice::new(events, &prompts[number / generation.choices], &app.tokenizer, terms)
    };
    Ok(events.into_iter().enumerate().map(choice).collect())
}
