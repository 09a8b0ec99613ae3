//! Checkpoints of random weights, in the layouts in which models are released: for measuring a
//! model without having it.
//!
//! A [`RandomModel`] is a `config.json` and a seed. `recipe` says how large the weights of each role
//! are, `plan` lays roles out as stored tensors by the same table of names that reading uses,
//! `gguf` makes a file of these (safetensors are made in `writing`), and `values` fills any row of
//! them. A value follows from the seed, its role and its place in the role's
//! tensor alone: threads, formats and the number of layers change nothing.

mod blocks;
mod companions;
mod config;
mod error;
mod gguf;
mod plan;
mod random;
mod recipe;
mod values;
mod vocabulary;

use std::path::Path;

use serde_json::Value;
use throng_spec::ModelSpec;

pub use error::SynthError;

use crate::gguf::writer::ALIGNMENT;
use crate::writing::{Rows, Staging, WriteOptions, index, shards, write};
use vocabulary::Vocabulary;

/// A model whose weights are random.
#[derive(Clone, Debug)]
pub struct RandomModel {
    config: Value,
    spec: ModelSpec,
    seed: u64,
}

impl RandomModel {
    /// A model of the shape that the content of a `config.json` describes, with other than its
    /// number of layers if `layers` says so. The layers that both have are the same.
    ///
    /// # Errors
    /// The config describes no model that can be run, or not with so many layers.
    pub fn new(config: &Value, layers: Option<usize>, seed: u64) -> Result<Self, SynthError> {
        let mut config = config.clone();
        if let Some(layers) = layers {
            config::set_layers(&mut config, layers)?;
        }
        let spec = ModelSpec::from_config(&config)?;
        Ok(Self { config, spec, seed })
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Bytes of all tensors in the safetensors layout.
    pub fn bytes(&self) -> u64 {
        self.spec.released().iter().map(|tensor| tensor.bytes() as u64).sum()
    }

    /// The content of a `model.safetensors` with all tensors.
    pub fn to_safetensors(&self) -> Vec<u8> {
        let tensors = plan::safetensors(&self.spec, self.seed);
        let [shard] = &shards(tensors, u64::MAX)[..] else {
            unreachable!("no limit, no second shard")
        };
        let mut bytes = shard.header.clone();
        for tensor in &shard.tensors {
            values::append(tensor, 0..tensor.rows, &mut bytes);
        }
        bytes
    }

    /// Writes a folder in the released layout: weights in one file or in shards with an index,
    /// `config.json`, `generation_config.json`, and a tokenizer of byte-level BPE. Files get their
    /// names when all are complete; what a failure leaves unfinished is removed.
    ///
    /// # Errors
    /// The folder is not empty and `force` is not set, the disk has no room, a file cannot be
    /// written, or `progress` breaks off.
    pub fn write_folder(
        &self,
        folder: &Path,
        options: &WriteOptions<'_>,
    ) -> Result<(), SynthError> {
        let vocabulary = Vocabulary::new(&self.spec)?;
        let mut staging = Staging::folder(folder, options.force)?;
        let tensors = plan::safetensors(&self.spec, self.seed);
        let shards = shards(tensors, options.max_shard_bytes);
        let mut small = companions::files(&self.config, &self.spec, &vocabulary);
        small.extend(index(&shards));
        let content_bytes = small.iter().map(|(_, content)| content.len() as u64).sum::<u64>();
        staging.check_room(shards.iter().map(|shard| shard.bytes).sum::<u64>() + content_bytes)?;
        for (name, content) in &small {
            staging.write(name, content)?;
        }
        for shard in &shards {
            let path = staging.add(&shard.name);
            write(&path, &shard.header, (&shard.tensors, 1), options)?;
        }
        Ok(staging.commit()?)
    }

    /// Writes a GGUF file, whose name ends in `.gguf`: the same weights, in the types that public
    /// files have (of gpt-oss Q8_0 where releases have bf16). It gets its name when it is complete;
    /// what a failure leaves unfinished is removed.
    ///
    /// # Errors
    /// The file is there and `force` is not set, GGUF cannot describe the model, the disk has no
    /// room, the file cannot be written, or `progress` breaks off.
    pub fn write_gguf(&self, path: &Path, options: &WriteOptions<'_>) -> Result<(), SynthError> {
        let vocabulary = Vocabulary::new(&self.spec)?;
        let file = gguf::file(&self.spec, &vocabulary, self.seed)?;
        let (mut staging, name) = Staging::file(path, options.force)?;
        staging.check_room(file.bytes())?;
        write(&staging.add(&name), &file.header, (&file.tensors, ALIGNMENT), options)?;
        Ok(staging.commit()?)
    }

    /// Bytes of all tensors in a GGUF file.
    pub fn gguf_bytes(&self) -> u64 {
        gguf::tensors(&self.spec, self.seed).iter().map(Rows::bytes).sum()
    }
}
