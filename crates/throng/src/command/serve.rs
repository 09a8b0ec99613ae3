//! `throng serve`: OpenAI's API and a chat page.

use std::cell::OnceCell;
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use throng_chat::{Chat, Grammars};
use throng_engine::EngineConfig;
use throng_server::{
    App, ConnectionLimits, Defaults, ModelName, Notice, RequestLog, ResponseLimits, ServerConfig,
};

#[cfg(feature = "otlp")]
use throng_server::SpanExporter;

use crate::args::{Secret, ServeArgs};
use crate::keys;
use crate::loading::Model;
use crate::request_log::LogWriter;

/// Serves until it is told to stop.
///
/// # Errors
/// The port is taken, or the model cannot be loaded.
pub fn run(args: &ServeArgs) -> Result<()> {
    let address = SocketAddr::new(args.host, args.port);
    let format = args.log_requests.format();
    let writer = format.map(|_| LogWriter::start()).transpose()?;
    let log = writer
        .clone()
        .zip(format)
        .map(|(writer, format)| RequestLog::new(format, move |line| writer.line(line)));
    let config = config(args, log)?;
    #[cfg(feature = "otlp")]
    let exporter = exporter(args)?;
    #[cfg(feature = "otlp")]
    let config = ServerConfig { tracer: exporter.as_ref().map(SpanExporter::tracer), ..config };
    let listening = OnceCell::new();
    let tell = |notice: Notice| match notice {
        Notice::Listening(address) => {
            say(&format!("listening on http://{address}"));
            let _ = listening.set(address);
        }
        Notice::Ready(name) => {
            let address = listening.get().map_or(String::new(), ToString::to_string);
            let page = format!("open http://{address} for the chat page");
            say(&format!("{name} is ready: {page}; OpenAI clients want /v1"));
        }
        Notice::Draining(0) => {}
        Notice::Draining(running) => {
            let seconds = args.drain_timeout;
            let requests = if running == 1 { "request" } else { "requests" };
            say(&format!(
                "stopping: {running} {requests} may run for {seconds} s more, or to a second signal"
            ));
        }
    };
    let load = {
        let args = args.clone();
        move || load(&args)
    };
    let result = throng_server::run(address, config, load, tell);
    if let Some(writer) = writer {
        writer.flush();
    }
    result
}

/// How to serve, whatever the model.
fn config(args: &ServeArgs, request_log: Option<RequestLog>) -> Result<ServerConfig> {
    let own: Vec<String> = args.api_key.iter().map(Secret::reveal).collect();
    Ok(ServerConfig {
        drain_timeout: Duration::from_secs(args.drain_timeout),
        api_keys: keys::keys(&own, args.api_keys.as_deref(), say)?,
        share_prefix_cache: args.share_prefix_cache,
        allowed_origins: args.cors_allow_origin.clone(),
        allowed_hosts: args.allowed_host.clone(),
        responses: ResponseLimits {
            bytes: usize::try_from(args.response_store_memory.as_u64()).unwrap_or(usize::MAX),
            per_tenant: args.max_stored_responses,
            background: args.max_background_responses,
        },
        connections: ConnectionLimits { most: args.max_connections, ..ConnectionLimits::default() },
        request_log,
        ..ServerConfig::default()
    })
}

/// Takes spans to a collector, if one is named here or by OpenTelemetry's own variables.
#[cfg(feature = "otlp")]
fn exporter(args: &ServeArgs) -> Result<Option<SpanExporter>> {
    const OWN: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let named = OWN.iter().any(|name| std::env::var_os(name).is_some_and(|url| !url.is_empty()));
    if args.otlp_endpoint.is_none() && !named {
        return Ok(None);
    }
    let exporter = SpanExporter::start(args.otlp_endpoint.as_ref(), |line| {
        say(&format!("note: {line}"));
    });
    Ok(Some(exporter?))
}

/// Tells the operator; a server goes on where nobody reads what it says.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Everything that is served.
fn load(args: &ServeArgs) -> Result<App> {
    let model = Model::open(&args.model)?;
    let config = EngineConfig {
        max_sequences: args.max_num_seqs,
        max_batched_tokens: args.max_num_batched_tokens,
        queue: args.max_queue,
        prefix_cache: args.prefix_cache,
        fair_share: args.fair_share,
        ..EngineConfig::default()
    };
    let memory_bandwidth = model.bandwidth(&args.model)?;
    let engine = model.engine(&args.model, &args.speculation, config, None)?;
    let plain = Defaults::default();
    let generation = &model.generation;
    let grammars = Grammars::new(model.tokenizer.clone());
    if args.header_grammar {
        grammars.prepare();
    }
    Ok(App {
        engine,
        chat: chat(&model),
        grammars,
        tokenizer: model.tokenizer.clone(),
        model: served_name(&args.served_model_name, &model.name),
        defaults: Defaults {
            temperature: generation.temperature.unwrap_or(plain.temperature),
            top_p: generation.top_p.unwrap_or(plain.top_p),
            top_k: generation.top_k.unwrap_or(plain.top_k),
            stop_tokens: generation.stop_tokens.clone(),
            header_grammar: args.header_grammar,
        },
        date: args.date,
        memory_bandwidth,
    })
}

/// What clients call the model: the names asked for, or the model's own.
fn served_name(names: &[String], own: &str) -> ModelName {
    let (id, aliases) = names.split_first().map_or((own, &[][..]), |(id, rest)| (id, rest));
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    ModelName {
        id: id.to_owned(),
        aliases: aliases.to_vec(),
        created: since_1970.map_or(0, |since| since.as_secs()),
    }
}

/// The chat format. A model without one still continues raw text.
fn chat(model: &Model) -> Option<Chat> {
    let note = |error| say(&format!("note: {error:#}; only /v1/completions answers"));
    model.chat().map_err(note).ok()
}

#[cfg(test)]
mod tests {
    use super::served_name;

    #[test]
    fn the_first_name_is_the_models_and_the_rest_are_aliases() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let name = served_name(&names, "own");
        assert_eq!((name.id.as_str(), name.aliases), ("a", names[1..].to_vec()));
        let name = served_name(&[], "own");
        assert_eq!((name.id.as_str(), name.aliases.len()), ("own", 0));
    }
}
