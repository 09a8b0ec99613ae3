//! `/v1/responses`: the next turn of a conversation that the server may keep, and go on with.
//!
//! A request comes to the same as one for a chat: items become messages (`turns`), and the answer
//! is read as a chat's is. What differs is around that: the answer is a list of items (`output`)
//! within a response (`draft`), told in events that are numbered (`event`); it is written for a
//! client or for nobody (`run`), and kept for its tenant (`store`).

mod draft;
mod event;
mod input;
mod item;
mod options;
mod output;
mod record;
mod refusals;
mod request;
mod run;
mod store;
mod stored;
mod tools;
mod turns;

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};

pub(crate) use self::event::Event;
pub(crate) use self::options::{INCLUDABLE, MAX_KEY, MAX_PAIRS, MAX_VALUE};
use self::request::ResponsesRequest;
use self::run::Run;
pub(crate) use self::store::{Library, Store};
pub(crate) use self::stored::{MAX_PAGE, PAGE, cancel, delete, input_items, retrieve};
use crate::chat_completions::Names;
use crate::error::ApiError;
use crate::logprobs::Writer;
use crate::serving::Serving;
use crate::{blocking, body, chat_completions, sse};

const NAMES: Names = Names { prompt: "input", parameters: "parameters" };

/// `POST /v1/responses`.
pub(crate) async fn create(serving: Serving, request: Request) -> Result<Response, ApiError> {
    let body = body::read(request).await?;
    let app = &serving.app;
    let chat = chat_completions::format(app)?.clone();
    let (library, bytes) = (serving.library(), body.len());
    let parse = {
        let (app, library) = (app.clone(), library.clone());
        move || ResponsesRequest::parse(&body, &app, &library)
    };
    let request = blocking::run(bytes, parse).await??;
    // A short request may go on with a long conversation.
    let bytes = bytes + request.items.iter().map(|item| item.bytes()).sum::<usize>();
    let render = {
        let (chat, context) = (chat.clone(), app.context());
        move || {
            let prompt = chat_completions::render(&chat, &request.turn, context, &NAMES)?;
            Ok::<_, ApiError>((request, prompt))
        }
    };
    let (request, prompt) = blocking::run(bytes, render).await??;
    let ResponsesRequest { turn, items, echo, store, background, stream } = request;
    let answers = chat_completions::ask(&serving, &chat, &turn, prompt, &NAMES).await?;
    let answer = answers.into_iter().next();
    let answer = answer.ok_or_else(|| ApiError::internal("The engine gave no answer"))?;
    let writer = turn.logprobs.map(|_| Writer {
        tokenizer: app.tokenizer.clone(),
        tokens_as_ids: turn.generation.tokens_as_ids,
    });
    let draft = draft::Draft::new(echo, writer, stream);
    let run = Run { answer, draft, items, library: store.then(|| library.clone()) };
    match (background, stream) {
        (false, false) => Ok(Json(run.collect().await?).into_response()),
        (false, true) => Ok(sse::respond_named(run.stream())),
        (true, stream) => {
            let record = run.in_background(library)?;
            if stream {
                return Ok(sse::respond_named(record::follow(&record, 0)));
            }
            Ok(Json(record.draft.borrow().json()).into_response())
        }
    }
}
