//! The server that is measured: as `throng serve` runs it, with another model.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use throng_chat::{Chat, Grammars, Tokenizer};
use throng_engine::{Engine, EngineConfig};
use throng_server::{App, Defaults, ModelName, Notice, ServeError, ServerConfig};
use throng_spec::{KvDtype, ModelSpec};
use throng_testkit::{TinyGptOss, byte_tokenizer};

use crate::model::ByHeart;
use crate::options::Options;

/// What the model is called.
pub const MODEL: &str = "by-heart";
/// Positions; an answer and a short prompt fit.
const CONTEXT: usize = 4096;
/// Bytes that a KV cache for all streams would have. None of them is taken.
const KV_BYTES: usize = 1 << 34;

/// Starts a server on a thread that runs until the program ends, and waits until it serves.
pub fn start(options: &Options, step: Duration) -> Result<SocketAddr, String> {
    let config = EngineConfig { max_sequences: options.streams, ..EngineConfig::default() };
    let app = app(config, step)?;
    let (tell, told) = mpsc::channel();
    let serve = move || {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let failed = tell.clone();
        let result = throng_server::run(
            address,
            ServerConfig::default(),
            || Ok::<_, ServeError>(app),
            // The other end is gone once the server serves.
            move |notice| drop(tell.send(Ok(notice))),
        );
        if let Err(error) = result {
            drop(failed.send(Err(error.to_string())));
        }
    };
    std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(serve)
        .map_err(|error| error.to_string())?;
    let mut address = None;
    for notice in told {
        match notice? {
            Notice::Listening(own) => address = Some(own),
            Notice::Ready(_) => break,
            Notice::Draining(_) => return Err("the server was told to stop".to_owned()),
        }
    }
    address.ok_or_else(|| "the server ended before it served".to_owned())
}

fn app(config: EngineConfig, step: Duration) -> Result<App, String> {
    let tiny = TinyGptOss { context: CONTEXT, ..TinyGptOss::default() };
    let spec = ModelSpec::from_config(&tiny.config()).map_err(|error| error.to_string())?;
    let blocks = config.kv_blocks(&spec, KV_BYTES, KvDtype::Bf16);
    let runner = Box::new(ByHeart::new(spec, blocks, step));
    let tokenizer = Tokenizer::from_json(&byte_tokenizer()).map_err(|error| error.to_string())?;
    let chat = Chat::new(tokenizer.clone(), None).map_err(|error| error.to_string())?;
    Ok(App {
        engine: Engine::start(runner, config).map_err(|error| error.to_string())?,
        chat: Some(chat),
        grammars: Grammars::new(tokenizer.clone()),
        tokenizer,
        model: ModelName { id: MODEL.to_owned(), aliases: Vec::new(), created: 0 },
        defaults: Defaults { temperature: 0.0, ..Defaults::default() },
        date: "2026-11-22".parse().map_err(|error| format!("{error}"))?,
        memory_bandwidth: None,
    })
}
