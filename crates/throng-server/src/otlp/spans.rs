//! The spans of a request: one for all of it, and below it one each for an answer's wait, prompt and
//! tokens. Attributes have the names of OpenTelemetry's semantic conventions for HTTP and for
//! generative AI (<https://opentelemetry.io/docs/specs/semconv/gen-ai/>), those that it has no name
//! for begin with `throng.`.

use std::time::SystemTime;

use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

use crate::trace::{AnswerTrace, RequestTrace, TracedTokens};

/// Names of attributes.
mod attribute {
    pub(super) const ERROR_TYPE: &str = "error.type";
    pub(super) const HTTP_METHOD: &str = "http.request.method";
    pub(super) const HTTP_ROUTE: &str = "http.route";
    pub(super) const HTTP_STATUS: &str = "http.response.status_code";
    pub(super) const REQUEST_ID: &str = "http.response.header.x-request-id";
    pub(super) const OPERATION: &str = "gen_ai.operation.name";
    pub(super) const PROVIDER: &str = "gen_ai.provider.name";
    pub(super) const REQUEST_MODEL: &str = "gen_ai.request.model";
    pub(super) const RESPONSE_MODEL: &str = "gen_ai.response.model";
    pub(super) const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
    pub(super) const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
    pub(super) const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
    pub(super) const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
    pub(super) const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
    pub(super) const TENANT: &str = "throng.tenant";
    pub(super) const CHOICE: &str = "throng.choice";
}

/// Endpoints that ask the model, and what OpenTelemetry calls that.
const OPERATIONS: [(&str, &str); 3] = [
    ("/v1/chat/completions", "chat"),
    ("/v1/responses", "chat"),
    ("/v1/completions", "text_completion"),
];
/// Ways in which an answer ends that are failures of ours, whatever the status was before.
const FAILURES: [&str; 2] = ["error", "timeout"];

/// Writes a request's spans, if those who began its trace want any.
pub(super) fn record(tracer: &SdkTracer, trace: &RequestTrace) {
    let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), trace);
    let mut whole = tracer
        .span_builder(format!("{} {}", trace.method, trace.route))
        .with_kind(SpanKind::Server)
        .with_start_time(trace.begun)
        .with_attributes(whole(trace))
        .start_with_context(tracer, &caller);
    if let Some(failure) = failure(trace) {
        whole.set_attribute(KeyValue::new(attribute::ERROR_TYPE, failure));
        whole.set_status(Status::error(""));
    }
    let context = caller.with_span(whole);
    for (choice, answer) in trace.answers.iter().enumerate() {
        for Part { name, from, to, attributes } in parts(answer) {
            let choice = KeyValue::new(attribute::CHOICE, integer(choice));
            tracer
                .span_builder(name)
                .with_start_time(from)
                .with_attributes(attributes.into_iter().chain([choice]))
                .start_with_context(tracer, &context)
                .end_with_timestamp(to);
        }
    }
    context.span().end_with_timestamp(trace.ended);
}

/// Why a request failed, if that is the server's fault.
fn failure(trace: &RequestTrace) -> Option<String> {
    if trace.status >= 500 {
        return Some(trace.status.to_string());
    }
    let failed = trace.answers.iter().find(|answer| FAILURES.contains(&answer.finish));
    failed.map(|answer| answer.finish.to_owned())
}

fn whole(trace: &RequestTrace) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new(attribute::HTTP_METHOD, trace.method.clone()),
        KeyValue::new(attribute::HTTP_ROUTE, trace.route.clone()),
        KeyValue::new(attribute::HTTP_STATUS, i64::from(trace.status)),
        KeyValue::new(attribute::REQUEST_ID, texts([trace.id.clone()])),
    ];
    let mut add = |key: &'static str, value: Value| attributes.push(KeyValue::new(key, value));
    if let Some(tenant) = &trace.tenant {
        add(attribute::TENANT, tenant.to_string().into());
    }
    if let Some((_, operation)) = OPERATIONS.iter().find(|(route, _)| *route == trace.route) {
        add(attribute::OPERATION, (*operation).into());
        add(attribute::PROVIDER, "throng".into());
    }
    if let Some(model) = &trace.model {
        add(attribute::REQUEST_MODEL, model.clone().into());
        add(attribute::RESPONSE_MODEL, model.clone().into());
    }
    if let Some(TracedTokens { prompt, cached, completion, reasoning }) = trace.tokens {
        add(attribute::INPUT_TOKENS, integer(prompt));
        add(attribute::CACHED_TOKENS, integer(cached));
        add(attribute::OUTPUT_TOKENS, integer(completion));
        add(attribute::REASONING_TOKENS, integer(reasoning));
        let finish = trace.answers.iter().map(|answer| answer.finish.to_owned());
        add(attribute::FINISH_REASONS, texts(finish));
    }
    attributes
}

/// A part of an answer's time.
struct Part {
    name: &'static str,
    from: SystemTime,
    to: SystemTime,
    attributes: Vec<KeyValue>,
}

/// What an answer's time went to, as far as it came.
fn parts(answer: &AnswerTrace) -> Vec<Part> {
    let of = |name, from, to: Option<SystemTime>, attributes| {
        Some(Part { name, from: from?, to: to.unwrap_or(answer.ended), attributes })
    };
    let prompt = vec![
        KeyValue::new(attribute::INPUT_TOKENS, integer(answer.prompt_tokens)),
        KeyValue::new(attribute::CACHED_TOKENS, integer(answer.cached_tokens)),
    ];
    let tokens = vec![
        KeyValue::new(attribute::OUTPUT_TOKENS, integer(answer.completion_tokens)),
        KeyValue::new(attribute::FINISH_REASONS, texts([answer.finish.to_owned()])),
    ];
    let parts = [
        of("queue", Some(answer.submitted), answer.started, Vec::new()),
        of("prefill", answer.started, answer.first_token, prompt),
        of("decode", answer.first_token, None, tokens),
    ];
    parts.into_iter().flatten().collect()
}

fn integer(count: usize) -> Value {
    Value::I64(i64::try_from(count).unwrap_or(i64::MAX))
}

fn texts(texts: impl IntoIterator<Item = String>) -> Value {
    Value::Array(Array::String(texts.into_iter().map(Into::into).collect()))
}

/// A trace's headers, for those who know what they mean.
impl Extractor for RequestTrace {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.traceparent.as_deref(),
            "tracestate" => self.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}
