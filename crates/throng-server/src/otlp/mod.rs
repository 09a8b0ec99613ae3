//! Spans of requests for an OpenTelemetry collector, over OTLP's HTTP form (the feature `otlp`).
//!
//! OpenTelemetry's own SDK batches, samples and writes them; `spans` says what a request's are, and
//! `client` is the way to the collector. What the collector does not take is lost: spans wait in a
//! queue of the SDK's that is bounded, and no request ever waits for one.

mod client;
mod collector;
mod spans;

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

use self::client::Client;
pub use self::collector::{Collector, CollectorError};
use crate::trace::Tracer;

/// How long the last spans may take when the server ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Variables that choose how spans are written.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
/// Attributes of what spans come from.
const SERVICE_NAME: &str = "service.name";
const SERVICE_VERSION: &str = "service.version";

/// Spans cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The SDK does not take its settings.
    #[error("cannot export spans: {0}")]
    Settings(#[from] ExporterBuildError),
}

/// Exports spans until it is dropped; those that wait then still go out, if that takes no longer
/// than two seconds.
#[derive(Debug)]
pub struct SpanExporter(SdkTracerProvider);

impl SpanExporter {
    /// Starts a thread that sends spans to a collector, by default the one that OpenTelemetry's own
    /// variables name (`OTEL_EXPORTER_OTLP_ENDPOINT` and others); the SDK reads the rest of them
    /// either way. `note` is told, once each time, that spans begin to be lost.
    ///
    /// # Errors
    /// One of the variables makes no sense.
    pub fn start(
        collector: Option<&Collector>,
        note: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, OtlpError> {
        let mut builder = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(note));
        // The specification's choice where nobody has made another; the SDK's would be JSON.
        if PROTOCOLS.iter().all(|variable| std::env::var_os(variable).is_none()) {
            builder = builder.with_protocol(Protocol::HttpBinary);
        }
        if let Some(collector) = collector {
            builder = builder.with_endpoint(collector.traces());
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(builder.build()?)
            .with_resource(resource());
        Ok(Self(provider.build()))
    }

    /// Takes traces to the exporter.
    pub fn tracer(&self) -> Tracer {
        let scope = InstrumentationScope::builder("throng-server");
        let scope = scope.with_version(env!("CARGO_PKG_VERSION")).build();
        let tracer = self.0.tracer_with_scope(scope);
        Tracer::new(move |trace| spans::record(&tracer, &trace))
    }
}

impl Drop for SpanExporter {
    fn drop(&mut self) {
        // Spans that are lost now are lost like those before.
        let _ = self.0.shutdown_with_timeout(FAREWELL);
    }
}

/// What the spans come from: this program, unless `OTEL_SERVICE_NAME` calls it otherwise.
fn resource() -> Resource {
    let told = Resource::builder().build();
    let unnamed = told
        .get(&SERVICE_NAME.into())
        .is_none_or(|name| name.as_str().starts_with("unknown_service"));
    let builder = Resource::builder()
        .with_attribute(KeyValue::new(SERVICE_VERSION, env!("CARGO_PKG_VERSION")));
    if unnamed { builder.with_service_name("throng").build() } else { builder.build() }
}
