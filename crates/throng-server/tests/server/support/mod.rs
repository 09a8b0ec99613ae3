//! A server on a port of its own, with a scripted model behind it.

pub mod document;
mod dying;
pub mod http;
pub mod responses;
pub mod schemas;
pub mod script;
mod tagged;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throng_chat::{Chat, Grammars, Tokenizer};
use throng_engine::{Engine, EngineConfig, Stats};
use throng_model::{KvBlocks, Runner};
use throng_server::{App, Defaults, ModelName, Notice, ServerConfig};
use throng_spec::{KvDtype, ModelSpec};
use throng_testkit::{Script, ScriptedRunner, TinyGptOss, byte_tokenizer, hashed_logits, special};
use tokio::sync::oneshot;

/// Positions of the scripted model.
pub const CONTEXT: usize = 4096;

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test may want otherwise.
pub struct Setup {
    pub config: EngineConfig,
    pub context: usize,
    /// The model fails after so many steps.
    pub failing_after: usize,
    /// A model drafts, and fails after so many steps.
    pub draft_failing_after: Option<usize>,
    /// The model takes the engine with it after so many steps.
    pub dying_after: usize,
    /// Whether the tokenizer's special tokens make a chat format.
    pub chat: bool,
    /// The model has a chat template in place of Harmony, and writes tags.
    pub tagged: bool,
    /// And that model's calls are JSON without tags.
    pub json_calls: bool,
    /// The headers of answers are held to Harmony's grammar.
    pub header_grammar: bool,
    /// The model writes what looks random, and follows from what came before.
    pub random: bool,
    /// What the machine is said to read a second.
    pub memory_bandwidth: Option<f64>,
    /// How the server treats its clients. A test that waits for a drain to end has failed.
    pub server: ServerConfig,
}

impl Default for Setup {
    fn default() -> Self {
        let config = EngineConfig::default();
        let server = ServerConfig { drain_timeout: PATIENCE, ..ServerConfig::default() };
        let (context, failing_after, dying_after) = (CONTEXT, usize::MAX, usize::MAX);
        Self {
            config,
            context,
            failing_after,
            draft_failing_after: None,
            dying_after,
            chat: true,
            tagged: false,
            json_calls: false,
            header_grammar: true,
            random: false,
            memory_bandwidth: None,
            server,
        }
    }
}

/// A running server; dropping it stops it.
pub struct Server {
    pub address: SocketAddr,
    /// What runs behind it.
    pub engine: Engine,
    /// What it tells its operator.
    notices: Mutex<mpsc::Receiver<Notice>>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let (server, loaded) = Self::loading(setup);
        drop(loaded);
        server.wait_until_ready();
        server
    }

    /// A server whose model is there once the sender is used or dropped.
    pub fn loading(setup: Setup) -> (Self, oneshot::Sender<()>) {
        let (app, config) = (app(&setup), setup.server);
        let engine = app.engine.clone();
        let (load, loaded) = oneshot::channel::<()>();
        let (tell, notices) = mpsc::channel();
        let (address_out, address) = mpsc::channel();
        let (shutdown, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                address_out.send(listener.local_addr().unwrap()).unwrap();
                let stopped = async {
                    let _ = stopped.await;
                };
                let loading = async {
                    let _ = loaded.await;
                    Ok::<_, Infallible>(app)
                };
                let served = throng_server::serve(listener, config, loading, stopped, |notice| {
                    // A test that wants none has dropped its end.
                    let _ = tell.send(notice);
                });
                served.await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        let notices = Mutex::new(notices);
        let server =
            Self { address, engine, notices, shutdown: Some(shutdown), thread: Some(thread) };
        (server, load)
    }

    /// Waits for the next thing that the server tells its operator.
    pub fn notice(&self) -> Notice {
        self.notices.lock().unwrap().recv().unwrap()
    }

    pub fn wait_until_ready(&self) {
        assert_eq!(self.notice(), Notice::Ready("scripted".to_owned()));
    }

    /// Asks the server to stop and waits until it has.
    pub fn stop(mut self) {
        self.end();
    }

    /// Asks the server to stop.
    pub fn begin_shutdown(&mut self) {
        drop(self.shutdown.take());
    }

    fn end(&mut self) {
        self.begin_shutdown();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    /// Waits until what the engine says of itself is so.
    pub fn wait_until(&self, is_so: impl Fn(&Stats) -> bool) -> Stats {
        let begun = Instant::now();
        loop {
            let stats = self.engine.stats();
            if is_so(&stats) {
                return stats;
            }
            assert!(begun.elapsed() < PATIENCE, "{stats:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The same requests by someone with a key.
    pub fn post_as(&self, key: &str, path: &str, body: &Value) -> http::Response {
        let key = format!("Bearer {key}");
        let headers = [("Content-Type", "application/json"), ("Authorization", &*key)];
        http::request(self.address, "POST", path, &headers, body.to_string().as_bytes())
    }

    /// A request without a body, whatever the document says of it.
    pub fn exchange(&self, method: &str, path: &str) -> http::Response {
        http::exchange(self.address, method, path, &[], b"")
    }

    pub fn get(&self, path: &str) -> http::Response {
        http::request(self.address, "GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> http::Response {
        let json = [("Content-Type", "application/json")];
        http::request(self.address, "POST", path, &json, body.to_string().as_bytes())
    }

    /// A chat request whose last words are the user's, with other members added.
    pub fn chat(&self, words: &str, members: Value) -> http::Response {
        self.post("/v1/chat/completions", &chat_body(words, members))
    }

    pub fn complete(&self, prompt: Value, members: Value) -> http::Response {
        let mut body = json!({ "model": "scripted", "prompt": prompt, "temperature": 0 });
        merge(&mut body, members);
        self.post("/v1/completions", &body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

pub fn chat_body(words: &str, members: Value) -> Value {
    let messages = json!([{ "role": "user", "content": words }]);
    let mut body = json!({ "model": "scripted", "messages": messages, "temperature": 0 });
    merge(&mut body, members);
    body
}

fn merge(body: &mut Value, members: Value) {
    let Value::Object(members) = members else { panic!("members of an object") };
    for (key, value) in members {
        body[key] = value;
    }
}

fn app(setup: &Setup) -> App {
    let tiny = TinyGptOss { context: setup.context, ..TinyGptOss::default() };
    let spec = ModelSpec::from_config(&tiny.config()).unwrap();
    let blocks = setup.config.kv_blocks(&spec, 1 << 28, KvDtype::Bf16);
    let vocab = spec.vocab;
    let (script, chat) = if setup.tagged {
        (tagged::script(vocab), tagged::chat(setup.json_calls))
    } else {
        let tokenizer = Tokenizer::from_json(&byte_tokenizer()).unwrap();
        (script::script(vocab), Chat::new(tokenizer, None).unwrap())
    };
    let script: Script = if setup.random {
        Box::new(move |history: &[u32]| hashed_logits(vocab, history))
    } else {
        script
    };
    let draft = setup.draft_failing_after.map(|steps| -> Box<dyn Runner> {
        let blocks = KvBlocks { window: blocks.full, ..blocks };
        Box::new(ScriptedRunner::new(spec.clone(), blocks).failing_after(steps))
    });
    let runner =
        ScriptedRunner::with_script(spec, blocks, script).failing_after(setup.failing_after);
    let runner = dying::Dying { runner, steps_left: setup.dying_after };
    let tokenizer = chat.tokenizer().clone();
    App {
        engine: Engine::start_with_draft(Box::new(runner), draft, setup.config).unwrap(),
        chat: setup.chat.then_some(chat),
        grammars: Grammars::new(tokenizer.clone()),
        tokenizer,
        model: ModelName {
            id: "scripted".to_owned(),
            aliases: vec!["org/other".to_owned()],
            created: 1,
        },
        defaults: Defaults {
            temperature: 0.0,
            stop_tokens: vec![special("<|return|>"), special("<|endoftext|>")],
            header_grammar: setup.header_grammar,
            ..Defaults::default()
        },
        date: "2026-11-21".parse().unwrap(),
        memory_bandwidth: setup.memory_bandwidth,
    }
}
