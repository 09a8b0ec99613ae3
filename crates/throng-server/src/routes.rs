//! Which path leads where.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::FutureExt;

use crate::error::ApiError;
use crate::lifecycle::Phase;
use crate::origin::{self, Origin};
use crate::state::ServerState;
use crate::{
    chat_completions, completions, detokenize, exchange, host, metrics, models, openapi, page,
    responses, status, tokenize,
};

/// All routes, for a server that pages of these origins may ask.
pub(crate) fn table(state: ServerState, allowed_origins: &[Origin]) -> Router {
    let routes = Router::new()
        .route("/", get(page::index))
        .route("/docs", get(page::docs))
        .route("/page/{*file}", get(page::file))
        .route("/health", get(status::health))
        .route("/metrics", get(metrics::show))
        .route("/version", get(status::version))
        .route("/openapi.json", get(openapi::show))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::one))
        .route("/v1/chat/completions", post(chat_completions::create))
        .route("/v1/completions", post(completions::create))
        .route("/v1/responses", post(responses::create))
        .route("/v1/responses/{id}", get(responses::retrieve).delete(responses::delete))
        .route("/v1/responses/{id}/cancel", post(responses::cancel))
        .route("/v1/responses/{id}/input_items", get(responses::input_items))
        .route("/tokenize", post(tokenize::create))
        .route("/detokenize", post(detokenize::create))
        .fallback(unknown_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(contain_panics));
    // A page is to read refusals too.
    let routes = match origin::sharing(allowed_origins) {
        Some(layer) => routes.layer(layer),
        None => routes,
    };
    routes
        .layer(middleware::from_fn_with_state(state.clone(), host::guard))
        .layer(middleware::from_fn_with_state(state.clone(), part))
        .layer(middleware::from_fn_with_state(state.clone(), exchange::follow))
        .with_state(state)
}

async fn unknown_path(method: Method, uri: Uri) -> ApiError {
    ApiError::unknown_path(method.as_str(), uri.path())
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::wrong_method(method.as_str(), uri.path())
}

/// A bug that one request meets must not take down the connection's other requests, and the
/// client is to have an answer.
async fn contain_panics(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => ApiError::internal("The server met a bug in itself").into_response(),
    }
}

/// A server that is about to end answers on no connection twice, so that clients look for another.
async fn part(State(state): State<ServerState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if state.lifecycle.phase() >= Phase::Draining {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
