//! From a folder, or from nothing, to a model that answers.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use throng_chat::{Chat, Tokenizer};
use throng_checkpoint::{Checkpoint, Generation};
use throng_engine::{Engine, EngineConfig};
use throng_model::{LoadOptions, Precision, Progress, Runner};

use crate::args::ModelArgs;
use crate::failure::Failure;
use crate::nano;
use crate::source::Source;

/// Weights below this are loaded before a progress bar could be read.
const SHORT_LOAD_BYTES: usize = 256 << 20;

/// A model's files, and what its text is made of.
pub struct Model {
    /// The name it is served under.
    pub name: String,
    pub tokenizer: Tokenizer,
    /// Sampling defaults.
    pub generation: Generation,
    checkpoint: Checkpoint,
}

impl Model {
    /// Opens what the arguments name, or the built-in model.
    ///
    /// # Errors
    /// A file is missing, corrupt or not what it should be.
    pub fn open(args: &ModelArgs) -> Result<Self> {
        let (name, checkpoint) = match &args.model {
            Some(model) => {
                let source = Source::resolve(model)?;
                (source.name, Checkpoint::open(&source.path)?)
            }
            None => (nano::NAME.to_owned(), Checkpoint::embedded(&nano::FILES)?),
        };
        let tokenizer = Tokenizer::from_json(checkpoint.tokenizer_json())?;
        let generation = checkpoint.generation().clone();
        let model = Self { name, tokenizer, generation, checkpoint };
        model.check_vocabulary()?;
        Ok(model)
    }

    /// A tokenizer must not make ids that the embedding has no row for.
    fn check_vocabulary(&self) -> Result<()> {
        let (ids, rows) = (self.tokenizer.vocab_size(), self.checkpoint.spec().vocab);
        if ids > rows {
            let message = format!("tokenizer.json has {ids} token ids, the model has {rows}");
            return Err(Failure { message, hint: "take both from the same release" }.into());
        }
        Ok(())
    }

    /// The chat format.
    ///
    /// # Errors
    /// The tokenizer lacks a token that the format needs.
    pub fn chat(&self) -> Result<Chat> {
        Ok(Chat::new(self.tokenizer.clone())?)
    }

    /// Loads the weights.
    ///
    /// # Errors
    /// As [`throng_model::load`].
    pub fn runner(&self, args: &ModelArgs, config: EngineConfig) -> Result<Box<dyn Runner>> {
        let precision = match args.exact {
            Some(true) => Precision::Exact,
            Some(false) => Precision::Fast,
            None => throng_model::default_precision(self.checkpoint.spec()),
        };
        let budget = usize::try_from(args.kv_cache_memory.as_u64())?;
        let kv_blocks =
            config.kv_blocks(self.checkpoint.spec(), budget, precision.kv_value_bytes());
        let options = LoadOptions {
            threads: threads(args)?,
            precision,
            isa: None,
            kv_blocks,
            step_tokens: config.max_batched_tokens,
        };
        let mut bar = None;
        let runner = throng_model::load(&self.checkpoint, options, &mut |progress| {
            show(&mut bar, progress);
        })?;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Ok(runner)
    }

    /// Loads the weights and starts the engine on them.
    ///
    /// # Errors
    /// As [`throng_model::load`] and [`Engine::start`].
    pub fn engine(&self, args: &ModelArgs, config: EngineConfig) -> Result<Engine> {
        Ok(Engine::start(self.runner(args, config)?, config)?)
    }
}

fn threads(args: &ModelArgs) -> Result<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match args.threads {
        None => Ok(cores),
        Some(threads @ 1..=1024) => Ok(threads),
        Some(threads) => {
            let message = format!("--threads is {threads}; it must be between 1 and 1024");
            Err(Failure { message, hint: "without it, every core computes" }.into())
        }
    }
}

fn show(bar: &mut Option<ProgressBar>, progress: Progress) {
    if progress.total_bytes < SHORT_LOAD_BYTES {
        return;
    }
    let bar = bar.get_or_insert_with(|| {
        let style = ProgressStyle::with_template("loading {bar:40} {bytes}/{total_bytes} {eta}")
            .expect("the template is ours");
        ProgressBar::new(progress.total_bytes as u64).with_style(style)
    });
    bar.set_position(progress.done_bytes as u64);
}
