//! One of the models that are read through, with its settings and what it takes.

use anyhow::Result;
use bytesize::ByteSize;
use throng_chat::Tokenizer;
use throng_engine::EngineConfig;
use throng_model::{KvDtype, MemoryPlan, Precision, Runner};

use super::CHUNK;
use crate::args::ModelArgs;
use crate::failure::Failure;
use crate::loading::Model;
use crate::memory::Memory;
use crate::units::grouped;

/// The model, or the reference beside it.
pub struct Side {
    model: Model,
    args: ModelArgs,
    memory: Memory,
}

impl Side {
    /// Opens a model for windows of up to `context` tokens.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open(args: ModelArgs, context: usize) -> Result<Self> {
        let mut model = Model::open(&args)?;
        model.limit_texts(context);
        let memory = model.memory(&args, config(), Some(CHUNK.get()));
        Ok(Self { model, args, memory })
    }

    /// The model's name, and what is quantised of it.
    pub fn title(&self) -> String {
        self.model.title()
    }

    /// How products are computed.
    pub fn precision(&self) -> Precision {
        self.model.precision(&self.args)
    }

    /// How keys and values are kept.
    pub fn kv_dtype(&self) -> KvDtype {
        self.memory.kv_dtype
    }

    /// What the model takes, with a KV cache for one window.
    pub fn memory(&self) -> MemoryPlan {
        self.memory.plan
    }

    /// Positions that the model has.
    pub fn context(&self) -> usize {
        self.model.spec().context
    }

    /// What makes tokens of its texts.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.model.tokenizer
    }

    /// What this one leaves of the memory that may be taken.
    pub fn left(&self) -> Option<ByteSize> {
        let free_bytes = self.memory.free_bytes?;
        Some(ByteSize(free_bytes.saturating_sub(self.memory.plan.total_bytes()) as u64))
    }

    /// Refuses a model that would not fit.
    ///
    /// # Errors
    /// With what would.
    pub fn check_memory(&self) -> Result<()> {
        Ok(self.memory.check(&self.title())?)
    }

    /// Refuses a model whose tokens are others, since nothing could be compared.
    ///
    /// # Errors
    /// With the first token that differs.
    pub fn check_tokens(&self, other: &Self) -> Result<()> {
        let [own, others] = [self, other].map(Self::title);
        let [own_size, other_size] = [self, other].map(|side| side.model.spec().vocab);
        let message = if own_size == other_size {
            let ids = 0..u32::try_from(own_size).unwrap_or(u32::MAX);
            let text = |side: &Self, id| side.tokenizer().token_text(id);
            let differs =
                |id: &u32| self.tokenizer().token_bytes(*id) != other.tokenizer().token_bytes(*id);
            let Some(id) = ids.into_iter().find(differs) else { return Ok(()) };
            let (one, another) = (text(self, id), text(other, id));
            format!("token {id} is {one:?} in {own} and {another:?} in {others}")
        } else {
            let [own_size, other_size] = [own_size, other_size].map(grouped);
            format!("{own} has a vocabulary of {own_size}, {others} one of {other_size}")
        };
        let hint = "--against compares models that have the same tokens";
        Err(Failure { message, hint }.into())
    }

    /// Loads the weights.
    ///
    /// # Errors
    /// As [`Model::runner`].
    pub fn load(&self) -> Result<Box<dyn Runner>> {
        self.model.runner(&self.args, config(), Some(CHUNK.get()))
    }
}

/// One sequence at a time.
fn config() -> EngineConfig {
    EngineConfig { max_sequences: 1, max_batched_tokens: CHUNK.get(), ..EngineConfig::default() }
}
