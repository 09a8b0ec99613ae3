//! The model that drafts for another.

use std::path::Path;

use anyhow::Result;
use bytesize::ByteSize;
use throng_engine::{DraftMismatch, EngineConfig, KvRoom, Sizing};
use throng_model::{KvBlocks, LoadOptions, MemoryPlan, PlanOptions, Precision, Runner, stored};
use throng_ops::{Cpu, Weighed};
use throng_spec::Quantisation;

use crate::args::ModelArgs;
use crate::failure::Failure;
use crate::loading::Model;
use crate::memory::kv_bytes;
use crate::threads::threads;

/// A model that is opened, and how it will run.
pub struct DraftModel {
    model: Model,
    precision: Precision,
    config: EngineConfig,
}

impl DraftModel {
    /// Opens what `name` says, to draft for `target`.
    ///
    /// # Errors
    /// As [`Model::open`], or its token ids mean something else to the other model.
    pub fn open(
        name: &Path,
        target: &Model,
        args: &ModelArgs,
        config: EngineConfig,
    ) -> Result<Self> {
        // It runs as it is stored: what is said of the other model's weights may not suit its own.
        let model = Model::named(name, &ModelArgs { quantize: None, ..args.clone() })?;
        if let Some(id) = model.tokenizer.first_difference(&target.tokenizer) {
            let message = format!(
                "{} cannot draft for {}: token {id} is another text to it",
                model.name, target.name
            );
            let hint = "a draft model has the tokenizer of the model that it drafts for; ngram \
                        needs no model";
            return Err(Failure { message, hint }.into());
        }
        Ok(Self { precision: model.precision(args), model, config })
    }

    /// Looks whether it goes with a model of such a vocabulary and KV cache. Returns the bytes that
    /// it takes beside that.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, vocab: usize, room: KvRoom) -> Result<usize, DraftMismatch> {
        let full = room.blocks.full;
        DraftMismatch::check(self.model.spec(), blocks(full), (vocab, room.context, full))?;
        Ok(self.bytes(full))
    }

    /// Bytes that it takes in all with so many blocks.
    pub fn bytes(&self, full: usize) -> usize {
        self.plan(full).total_bytes()
    }

    /// A model with its KV cache beside this one: as large as was typed, or as what is free allows.
    pub fn beside<'a>(
        &self,
        sizing: Sizing<'a>,
        free: Option<usize>,
        typed: Option<ByteSize>,
    ) -> Sizing<'a> {
        let free = free.map(|free| free.saturating_sub(self.bytes(0)));
        let sizing = Sizing { kv_bytes: kv_bytes(typed, free, &sizing), ..sizing };
        // What was typed is the other model's alone.
        if typed.is_some() { sizing } else { self.share(sizing) }
    }

    /// The same model with so much less KV cache that this one has its own beside it in the bytes
    /// that the one would have had.
    fn share<'a>(&self, sizing: Sizing<'a>) -> Sizing<'a> {
        let own = self.plan(sizing.room().blocks.full).kv_bytes as f64;
        let kv_bytes = sizing.kv_bytes as f64;
        Sizing { kv_bytes: (kv_bytes * kv_bytes / (kv_bytes + own).max(1.0)) as usize, ..sizing }
    }

    /// Loads the weights, with so many blocks of KV cache.
    ///
    /// # Errors
    /// As [`Model::runner`].
    pub fn runner(&self, args: &ModelArgs, full: usize) -> Result<Box<dyn Runner>> {
        let threads = threads(args.threads)?;
        let options = LoadOptions {
            threads,
            precision: self.precision,
            quantisation: Quantisation::default(),
            kv_dtype: self.precision.kv_dtype(),
            isa: args.isa,
            kv_blocks: blocks(full),
            step_tokens: self.config.max_batched_tokens,
        };
        let backend = Weighed::new(Cpu::new(threads, args.isa)?);
        Ok(throng_model::load_with(backend, &self.model.checkpoint, options, &mut |_| ())?)
    }

    fn plan(&self, full: usize) -> MemoryPlan {
        let options = PlanOptions {
            precision: self.precision,
            kv_dtype: self.precision.kv_dtype(),
            kv_blocks: blocks(full),
            step_tokens: self.config.max_batched_tokens,
            wanted_logits: self.config.max_sequences,
        };
        MemoryPlan::new(self.model.spec(), &stored(&self.model.checkpoint), options)
    }
}

/// A draft model's blocks have the numbers of the other's full ones, in layers of either kind.
fn blocks(full: usize) -> KvBlocks {
    KvBlocks { full, window: full }
}
