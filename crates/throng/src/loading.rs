//! From a folder, or from nothing, to a model that answers.

use std::io::{Write, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use throng_chat::{Chat, Template, Tokenizer};
use throng_checkpoint::{Checkpoint, Generation};
use throng_engine::{Engine, EngineConfig, Sizing};
use throng_model::{LoadOptions, Precision, Progress, Runner, stored};
use throng_ops::{Backend, Cpu, Weighed};
use throng_spec::{ModelSpec, Quantisation, Stored};

use crate::args::{ModelArgs, SpeculationArgs};
use crate::drafting::DraftModel;
use crate::failure::Failure;
use crate::machine::Machine;
use crate::memory::{Memory, free_bytes, kv_bytes};
use crate::source::Source;
use crate::threads::threads;

/// Weights below this are loaded before a plan or a progress bar could be read.
const SHORT_LOAD_BYTES: usize = 256 << 20;

/// A load that takes longer has a bar however little it loads.
const SHORT_LOAD: Duration = Duration::from_secs(1);

/// A model's files, and what its text is made of.
pub struct Model {
    /// The name it is served under.
    pub name: String,
    pub tokenizer: Tokenizer,
    /// Sampling defaults.
    pub generation: Generation,
    pub(crate) checkpoint: Checkpoint,
    /// What its weights are quantised to while they are loaded.
    quantisation: Quantisation,
    /// Its tensors as they are then.
    tensors: Vec<Stored>,
    /// The model's shape with the context that the KV cache is made for.
    sized: ModelSpec,
}

impl Model {
    /// Opens what the arguments name, or the built-in model.
    ///
    /// # Errors
    /// A file is missing, corrupt or not what it should be, or its weights cannot be quantised as
    /// asked.
    pub fn open(args: &ModelArgs) -> Result<Self> {
        match &args.model {
            Some(model) => Self::named(model, args),
            None => Self::of(Source::built_in(), args),
        }
    }

    /// Opens a path, a model of the hub that was pulled, or a built-in model.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn named(model: &Path, args: &ModelArgs) -> Result<Self> {
        Self::of(Source::resolve(model)?, args)
    }

    fn of(source: Source, args: &ModelArgs) -> Result<Self> {
        let checkpoint = source.open()?;
        let tokenizer = Tokenizer::from_json(checkpoint.tokenizer_json())?;
        let generation = checkpoint.generation().clone();
        let (spec, tensors) = (checkpoint.spec(), stored(&checkpoint));
        let quantisation = args.quantize.unwrap_or_default().resolve(spec, &tensors)?;
        let tensors = quantisation.apply(spec, &tensors);
        let sized = spec.clone();
        let name = source.name;
        let model = Self { name, tokenizer, generation, checkpoint, quantisation, tensors, sized };
        model.check_vocabulary()?;
        Ok(model)
    }

    /// Makes the KV cache for texts of up to so many tokens: no sequence gets more of it.
    pub fn limit_texts(&mut self, tokens: usize) {
        self.sized.context = tokens.clamp(1, self.spec().context.max(1));
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

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        self.checkpoint.spec()
    }

    /// How products are computed: as the arguments say, or as suits the model.
    pub fn precision(&self, args: &ModelArgs) -> Precision {
        match args.exact {
            Some(true) => Precision::Exact,
            Some(false) => Precision::Fast,
            None => throng_model::default_precision(self.spec()),
        }
    }

    /// The chat format.
    ///
    /// # Errors
    /// The tokenizer lacks a token that the format needs, or the template is unusable.
    pub fn chat(&self) -> Result<Chat> {
        let template = self.checkpoint.chat_template().map(|template| Template {
            source: template.source.clone(),
            bos_token: template.bos_token.clone(),
            eos_token: template.eos_token.clone(),
        });
        Ok(Chat::new(self.tokenizer.clone(), template)?)
    }

    /// Tokens that end an answer: the format's, and those that the model's makers name.
    pub fn stop_tokens(&self, chat: &Chat) -> Vec<u32> {
        [chat.stop_tokens(), &self.generation.stop_tokens].concat()
    }

    /// Loads the weights, if they and all that goes with them fit in memory. At most
    /// `wanted_logits` tokens of a step want logits, or all of them.
    ///
    /// # Errors
    /// The machine has too little memory, or as [`throng_model::load`].
    pub fn runner(
        &self,
        args: &ModelArgs,
        config: EngineConfig,
        wanted_logits: Option<usize>,
    ) -> Result<Box<dyn Runner>> {
        let cpu = Cpu::new(threads(args.threads)?, args.isa)?;
        self.runner_on(cpu, args, config, wanted_logits, None)
    }

    /// The same on a backend of one's own, beside a model that drafts.
    ///
    /// # Errors
    /// As [`Model::runner`], or the two models do not go together.
    pub fn runner_on<B: Backend + 'static>(
        &self,
        backend: B,
        args: &ModelArgs,
        config: EngineConfig,
        wanted_logits: Option<usize>,
        draft: Option<&DraftModel>,
    ) -> Result<Box<dyn Runner>> {
        let free = free_bytes(args.memory, &Machine::this());
        let sizing = self.sizing(free, args, config, wanted_logits, draft);
        let draft_bytes = match draft {
            Some(draft) => draft.check(self.spec().vocab, sizing.room())?,
            None => 0,
        };
        let precision = sizing.precision;
        let options = LoadOptions {
            threads: threads(args.threads)?,
            precision,
            quantisation: self.quantisation,
            kv_dtype: sizing.kv_dtype,
            isa: args.isa,
            kv_blocks: sizing.room().blocks,
            step_tokens: config.max_batched_tokens,
        };
        let memory = Memory::new(&sizing, free, draft_bytes);
        if memory.plan.weights_bytes >= SHORT_LOAD_BYTES {
            // Where nobody reads it, the model is loaded all the same.
            let _ = stderr().write_all(memory.table(&self.title()).as_bytes());
        }
        memory.check(&self.name)?;
        let mut bar = Bar { start: Instant::now(), shown: None };
        let total_bytes = stored(&self.checkpoint).iter().map(Stored::bytes).sum();
        bar.show(Progress { done_bytes: 0, total_bytes });
        let runner =
            throng_model::load_with(backend, &self.checkpoint, options, &mut |progress| {
                bar.show(progress);
            })?;
        bar.finish();
        Ok(runner)
    }

    /// What [`Model::runner`] would take of the memory that is free now.
    pub fn memory(
        &self,
        args: &ModelArgs,
        config: EngineConfig,
        wanted_logits: Option<usize>,
    ) -> Memory {
        let free = free_bytes(args.memory, &Machine::this());
        Memory::new(&self.sizing(free, args, config, wanted_logits, None), free, 0)
    }

    /// Its name, and what is quantised of it.
    pub fn title(&self) -> String {
        if self.quantisation.is_none() {
            return self.name.clone();
        }
        format!("{} with {}", self.name, self.quantisation)
    }

    fn sizing(
        &self,
        free: Option<usize>,
        args: &ModelArgs,
        config: EngineConfig,
        wanted_logits: Option<usize>,
        draft: Option<&DraftModel>,
    ) -> Sizing<'_> {
        let (spec, tensors, precision) = (&self.sized, &self.tensors, self.precision(args));
        let kv_dtype = args.kv_cache_dtype.or(precision);
        let sizing =
            Sizing { spec, tensors, precision, kv_dtype, config, kv_bytes: 0, wanted_logits };
        match draft {
            Some(draft) => draft.beside(sizing, free, args.kv_cache_memory),
            None => Sizing { kv_bytes: kv_bytes(args.kv_cache_memory, free, &sizing), ..sizing },
        }
    }

    /// Bytes a second that this machine reads from memory, measured for half a second; `None` for a
    /// model whose steps caches may serve, which memory does not hold back.
    ///
    /// # Errors
    /// The machine does not give that many threads.
    pub fn bandwidth(&self, args: &ModelArgs) -> Result<Option<f64>> {
        let machine = Machine::this();
        let weights: usize = self.tensors.iter().map(Stored::bytes).sum();
        if weights < SHORT_LOAD_BYTES.max(machine.cache().unwrap_or(0)) {
            return Ok(None);
        }
        Ok(machine.bandwidth(threads(args.threads)?)?)
    }

    /// Loads the weights and starts the engine on them, with a count of the bytes that steps read.
    ///
    /// # Errors
    /// As [`Model::runner`] and [`Engine::start`].
    pub fn engine(
        &self,
        args: &ModelArgs,
        drafts: &SpeculationArgs,
        config: EngineConfig,
        wanted_logits: Option<usize>,
    ) -> Result<Engine> {
        let threads = threads(args.threads)?;
        let speculation = drafts.speculation();
        let config = EngineConfig { threads, speculation, ..config };
        let drafted = speculation.map_or(0, |speculation| speculation.tokens);
        let wanted_logits = wanted_logits.map(|wanted| wanted * (1 + drafted));
        let draft = drafts.model().map(|name| DraftModel::open(name, self, args, config));
        let draft = draft.transpose()?;
        let cpu = Weighed::new(Cpu::new(threads, args.isa)?);
        let runner = self.runner_on(cpu, args, config, wanted_logits, draft.as_ref())?;
        let draft = draft.map(|draft| draft.runner(args, runner.kv_blocks().full)).transpose()?;
        Ok(Engine::start_with_draft(runner, draft, config)?)
    }
}

/// The progress of a load that takes a while.
struct Bar {
    start: Instant,
    shown: Option<ProgressBar>,
}

impl Bar {
    fn show(&mut self, progress: Progress) {
        let Progress { done_bytes, total_bytes } = progress;
        if total_bytes < SHORT_LOAD_BYTES && self.start.elapsed() < SHORT_LOAD {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let template = "loading {bar:24} {decimal_bytes} of {decimal_total_bytes}, \
                            {decimal_bytes_per_sec}, {eta} left";
            let style = ProgressStyle::with_template(template).expect("the template is ours");
            let bar = ProgressBar::new(total_bytes as u64).with_elapsed(self.start.elapsed());
            bar.with_style(style)
        });
        bar.set_position(done_bytes as u64);
    }

    fn finish(self) {
        if let Some(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}
