//! The chat page. Its files are part of the binary, and it asks for nothing from elsewhere.

use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Only this server's own scripts and styles run, nothing inline; no other page may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Name, media type and text of what the page consists of besides itself.
const FILES: [(&str, &str, &str); 6] = [
    ("style.css", CSS, include_str!("style.css")),
    ("app.js", SCRIPT, include_str!("app.js")),
    ("answer.js", SCRIPT, include_str!("answer.js")),
    ("api.js", SCRIPT, include_str!("api.js")),
    ("markdown.js", SCRIPT, include_str!("markdown.js")),
    ("icon.svg", SVG, include_str!("icon.svg")),
];

/// `GET /`.
pub(crate) async fn index() -> Response {
    respond(HTML, include_str!("index.html"))
}

/// `GET /page/{file}`.
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, ApiError> {
    FILES
        .iter()
        .find(|(file, _, _)| *file == name)
        .map(|(_, kind, text)| respond(kind, text))
        .ok_or_else(|| ApiError::unknown_path("GET", &format!("/page/{name}")))
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
