//! Server-sent events (WHATWG HTML, section 9.2) as OpenAI uses them.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};

use crate::error::ApiError;
use crate::responses;

/// A comment is sent after so long a silence: proxies cut connections that seem dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A response that sends each event by its name, as `/v1/responses` does. The last one says by its
/// name that it is.
pub(crate) fn respond_named<S>(events: S) -> Response
where
    S: Stream<Item = responses::Event> + Send + 'static,
{
    let events =
        events.map(|told| Ok::<_, Infallible>(Event::default().event(told.kind).data(told.data)));
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// A response that sends each chunk, which is JSON, as it comes. An error ends it, as an event with an error's
/// body: the status is gone already. Otherwise `[DONE]` does.
pub(crate) fn respond<S>(chunks: S) -> Response
where
    S: Stream<Item = Result<String, ApiError>> + Send + 'static,
{
    let events = chunks.map(Some).chain(stream::iter([None])).scan(false, |failed, chunk| {
        let event = match chunk {
            _ if *failed => return std::future::ready(None),
            Some(Ok(chunk)) => Event::default().data(chunk),
            Some(Err(error)) => {
                *failed = true;
                Event::default().data(error.body().to_string())
            }
            None => Event::default().data("[DONE]"),
        };
        std::future::ready(Some(Ok::<_, Infallible>(event)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
