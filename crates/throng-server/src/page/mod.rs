//! The chat page, and the page to read the API by. Their files are part of the binary, and they ask
//! for nothing from elsewhere.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::segment::Segment;

/// Only this server's own scripts and styles run, nothing inline; no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";

/// The names of files beside this one, each with its text.
macro_rules! files {
    ($($name:literal)*) => { &[$(($name, include_str!($name))),*] };
}

/// What the pages consist of besides themselves.
const FILES: &[(&str, &str)] = files![
    "answer.js"
    "api.js"
    "app.js"
    "batch.js"
    "branches.js"
    "call.js"
    "composer.js"
    "conversation.js"
    "copy.js"
    "counts.js"
    "docs/docs.css"
    "docs/docs.js"
    "docs/operation.js"
    "docs/schema.js"
    "docs/trial.js"
    "docs/words.js"
    "dom.js"
    "door.js"
    "figures.js"
    "icon.svg"
    "note.js"
    "question.js"
    "reply.js"
    "request.js"
    "results.js"
    "run.js"
    "scroll.js"
    "settings.js"
    "shelf.js"
    "shortcuts.js"
    "sidebar.js"
    "storage.js"
    "style/base.css"
    "style/composer.css"
    "style/dialog.css"
    "style/frame.css"
    "style/sidebar.css"
    "style/text.css"
    "style/turns.css"
    "suggestions.js"
    "text/blocks.js"
    "text/code.js"
    "text/highlight.js"
    "text/inline.js"
    "text/json.js"
    "text/lines.js"
    "text/list.js"
    "text/markdown.js"
    "text/table.js"
    "theme.js"
    "thought.js"
    "transcript.js"
];

/// `GET /`.
pub(crate) async fn index() -> Response {
    respond(HTML, include_str!("index.html"))
}

/// `GET /docs`.
pub(crate) async fn docs() -> Response {
    respond(HTML, include_str!("docs/index.html"))
}

/// `GET /page/{*file}`.
pub(crate) async fn file(Segment(name): Segment) -> Result<Response, ApiError> {
    FILES
        .iter()
        .find(|(file, _)| *file == name)
        .map(|(_, text)| respond(media_type(&name), text))
        .ok_or_else(|| ApiError::unknown_path("GET", &format!("/page/{name}")))
}

/// Of a file of the page, by the end of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        _ => "image/svg+xml",
    }
}

fn respond(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // A newer binary may serve the same address next time.
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
