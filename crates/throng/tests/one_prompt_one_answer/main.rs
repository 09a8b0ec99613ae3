//! One prompt, one answer: 64 clients at once get the tokens and log-probabilities, bit for bit,
//! that each would get alone, whatever the size of steps, with and without the prefix cache, with a
//! pool so small that some are preempted, with drafts from the text, from a model and from what the
//! clients predict, on one thread and on two.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod answer;
mod client;
mod crowd;
mod held;
mod shelf;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use answer::Answer;
use client::{Client, Sizes, clients};
use crowd::{NGRAM, Setting, alone, together};
use shelf::Shelf;
use throng_chat::{Chat, Tokenizer};
use throng_checkpoint::synth::RandomModel;
use throng_checkpoint::{Checkpoint, WriteOptions};
use throng_engine::{Method, Speculation};
use throng_model::{BLOCK_TOKENS, KvBlocks, KvDtype, LoadOptions, Precision, load};
use throng_spec::{Quantisation, builtin};

/// Room for all at once, and for all prefixes.
const ROOMY: KvBlocks = KvBlocks { full: 2048, window: 2048 };

/// A window of 128 tokens and the next block are ten blocks: two windows and a half.
const TIGHT_WINDOWS: usize = 25;

/// Room for any one client, so that no answer is cut short, but not for all.
fn tight(clients: &[Client]) -> KvBlocks {
    let longest = clients.iter().map(Client::reach).max().unwrap().div_ceil(BLOCK_TOKENS);
    KvBlocks { full: longest + longest / 4, window: TIGHT_WINDOWS }
}

fn nano() -> Checkpoint {
    trained("nano")
}

fn trained(name: &str) -> Checkpoint {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name);
    Checkpoint::open(&folder).unwrap()
}

/// nano's chat. A random model makes no sense of any tokens, so its clients may use it too.
fn chat() -> Chat {
    Chat::new(Tokenizer::from_json(nano().tokenizer_json()).unwrap(), None).unwrap()
}

/// A model, its clients, and what each of them gets when there is no other.
struct Case {
    checkpoint: Checkpoint,
    /// What drafts for it, if a model does.
    draft: Option<Checkpoint>,
    /// Whether it says what can be foreseen.
    is_trained: bool,
    precision: Precision,
    kv_dtype: KvDtype,
    clients: Vec<Client>,
    expected: Option<Vec<Vec<Answer>>>,
}

impl Case {
    fn new(checkpoint: Checkpoint, precision: Precision, sizes: Sizes) -> Self {
        let (clients, kv_dtype) = (clients(&chat(), sizes), precision.kv_dtype());
        let is_trained = true;
        Self { checkpoint, draft: None, is_trained, precision, kv_dtype, clients, expected: None }
    }

    /// Serves the clients in every setting on so many threads. What is expected comes from the
    /// first call, so that must be for one thread.
    fn run(&mut self, threads: usize, settings: &[Setting]) {
        let options = LoadOptions {
            threads,
            precision: self.precision,
            quantisation: Quantisation::default(),
            kv_dtype: self.kv_dtype,
            isa: None,
            kv_blocks: ROOMY,
            step_tokens: 512,
        };
        let shelf = |checkpoint| Shelf::new(load(checkpoint, options, &mut |_| ()).unwrap());
        let draft = self.draft.as_ref().map(shelf);
        let shelf = shelf(&self.checkpoint);
        let expected = self.expected.get_or_insert_with(|| {
            assert_eq!(threads, 1);
            alone(&shelf, ROOMY, &self.clients)
        });
        for &setting in settings {
            assert_eq!(setting.threads, threads);
            let blocks = if setting.tight { tight(&self.clients) } else { ROOMY };
            let start = Instant::now();
            let models = (&shelf, draft.as_ref());
            let stats = together(models, blocks, setting, &self.clients, expected);
            let foreseen = setting.speculation.is_some() && self.is_trained;
            let drafts = stats.speculation.total();
            assert!(drafts.accepted_tokens > 0 || !foreseen, "{setting}: no draft came");
            let predicted = &stats.speculation.by_method[Method::Prediction];
            // Small steps are full of prompts until nearly all has been said.
            let always = setting.speculation.is_some_and(|drafts| !drafts.adaptive);
            let foreseen = foreseen && always && setting.chunk == 512;
            assert!(predicted.drafts > 0 || !foreseen, "{setting}: nothing predicted was drafted");
            let seconds = start.elapsed().as_secs_f64();
            let rows = stats.step_rows.sum / stats.steps as f64;
            println!(
                "{setting}: {} steps of {rows:.1} rows on average, \
                 {} preemptions, {} tokens cached, {} of {} drafts, {seconds:.1} s",
                stats.steps,
                stats.preemptions,
                stats.cached_tokens,
                drafts.accepted_tokens,
                drafts.drafted_tokens
            );
        }
    }
}

const SIZES: Sizes = Sizes { skipped: 0, words: 120, answer: 32 };

fn nano_answers_alike(precision: Precision) {
    let mut case = Case::new(nano(), precision, SIZES);
    case.draft = Some(trained("nano-draft"));
    for threads in [1, 2] {
        case.run(threads, &Setting::all(threads));
    }
}

#[test]
fn nano_exact() {
    nano_answers_alike(Precision::Exact);
}

#[test]
fn nano_fast() {
    nano_answers_alike(Precision::Fast);
}

/// Keys and values in 8 bits, in fewer settings: where a prompt is cut in many places, where parts of
/// it come from the cache, where some are preempted, with drafts on two threads.
fn nano_answers_alike_with(kv_dtype: KvDtype, precision: Precision) {
    let mut case = Case { kv_dtype, ..Case::new(nano(), precision, SIZES) };
    let setting = |threads, chunk, cache, tight| {
        let drafts = Speculation { drafter: NGRAM, tokens: 4, adaptive: false };
        let speculation = (threads > 1).then_some(drafts);
        Setting { threads, chunk, cache, tight, speculation }
    };
    case.run(1, &[setting(1, 64, true, false)]);
    case.run(2, &[setting(2, 16, false, true), setting(2, 64, true, true)]);
}

#[test]
fn nano_with_fp8_keys_and_values() {
    nano_answers_alike_with(KvDtype::Fp8, Precision::Exact);
    nano_answers_alike_with(KvDtype::Fp8, Precision::Fast);
}

#[test]
fn nano_with_int8_keys_and_values() {
    nano_answers_alike_with(KvDtype::Int8, Precision::Exact);
    nano_answers_alike_with(KvDtype::Int8, Precision::Fast);
}

/// Every value of every dimension at least once: a step of this model costs a thousand of nano's.
#[test]
#[ignore = "writes 4 GB and keeps as much in memory; tests/run runs it, optimised"]
fn four_layers_of_gpt_oss_20b() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = builtin::config("gpt-oss-20b").unwrap();
    let model = RandomModel::new(&config, Some(4), 4).unwrap();
    let progress = |_| ControlFlow::Continue(());
    let options =
        WriteOptions { force: true, threads: 2, max_shard_bytes: u64::MAX, progress: &progress };
    model.write_folder(folder.path(), &options).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();

    let sizes = Sizes { skipped: 28, words: 24, answer: 6 };
    let mut case = Case { is_trained: false, ..Case::new(checkpoint, Precision::Fast, sizes) };
    let setting = |threads, chunk, cache, tight: bool| {
        let speculation =
            tight.then_some(Speculation { drafter: NGRAM, tokens: 3, adaptive: false });
        Setting { threads, chunk, cache, tight, speculation }
    };
    case.run(1, &[setting(1, 512, true, false)]);
    case.run(2, &[setting(2, 16, false, false), setting(2, 64, true, true)]);
}
