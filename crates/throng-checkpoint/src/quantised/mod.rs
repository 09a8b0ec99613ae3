//! A folder as models are released in to another one of the same model with smaller weights, under
//! the names of compressed-tensors (<https://github.com/vllm-project/compressed-tensors>), or of
//! gpt-oss's releases where they have MXFP4.
//!
//! `plan` makes the new tensors of the stored ones, `tensor` makes their rows while they are written,
//! so that no more of a model is in memory than the chunks that threads work on, and `report` says
//! what became of each. Rows are quantised by [`throng_spec::quantise`], as they are when a model is
//! loaded, so both come to the same bits.

mod error;
mod plan;
mod report;
mod tensor;

use std::collections::HashMap;
use std::path::Path;

use throng_spec::Quantisation;

pub use self::error::QuantiseError;
use self::plan::Plan;
pub use self::report::TensorReport;
use self::tensor::{Content, NewTensor};
use crate::checkpoint::Checkpoint;
use crate::files::Files;
use crate::names::Format;
use crate::quantization_config;
use crate::released::CONFIG;
use crate::writing::{Rows, Staging, WriteOptions, index, shards, write};

/// What the names of files end in that say something of a model, besides its weights.
const COMPANIONS: [&str; 4] = [".json", ".jinja", ".txt", ".model"];

/// A model and what is to become of its weights.
pub struct QuantisedModel<'a> {
    plan: Plan<'a>,
    /// Names and contents of all files but the weights.
    companions: Vec<(String, Vec<u8>)>,
}

impl<'a> QuantisedModel<'a> {
    /// Of a checkpoint, the folder that it was opened from, and a quantisation that was resolved for
    /// it.
    ///
    /// # Errors
    /// It is no folder as models are released, nothing would change, or a file cannot be read.
    pub fn new(
        checkpoint: &'a Checkpoint,
        folder: &Path,
        quantisation: Quantisation,
    ) -> Result<Self, QuantiseError> {
        Self::of(checkpoint, &Files::Folder(folder), quantisation)
    }

    /// The same of a checkpoint that was opened from files in memory.
    ///
    /// # Errors
    /// As for [`QuantisedModel::new`].
    pub fn embedded<T>(
        checkpoint: &'a Checkpoint,
        files: &[(&str, T)],
        quantisation: Quantisation,
    ) -> Result<Self, QuantiseError>
    where
        T: AsRef<[u8]> + Clone + Send + Sync + 'static,
    {
        Self::of(checkpoint, &Files::Memory(&files), quantisation)
    }

    fn of(
        checkpoint: &'a Checkpoint,
        files: &Files<'_>,
        quantisation: Quantisation,
    ) -> Result<Self, QuantiseError> {
        match checkpoint.names.format {
            Format::Released => {}
            Format::Original => {
                return Err(QuantiseError::NotReleased { found: "OpenAI's own layout of gpt-oss" });
            }
            Format::Gguf => return Err(QuantiseError::NotReleased { found: "a GGUF file" }),
        }
        let plan = Plan::new(checkpoint, quantisation);
        if !plan.tensors.iter().any(|tensor| matches!(tensor.content, Content::Values(..))) {
            return Err(QuantiseError::Nothing);
        }
        let companions = companions(files, &plan)?;
        Ok(Self { plan, companions })
    }

    /// Bytes of all tensors that will be written.
    pub fn bytes(&self) -> u64 {
        self.plan.tensors.iter().map(Rows::bytes).sum()
    }

    /// Writes the folder: files get their names when all are complete; what a failure leaves
    /// unfinished is removed. Gives a report of each tensor that has changed.
    ///
    /// # Errors
    /// The folder is not empty and may not be changed, the disk has no room, a file cannot be
    /// written, or `progress` breaks off.
    pub fn write_folder(
        self,
        folder: &Path,
        options: &WriteOptions<'_>,
    ) -> Result<Vec<TensorReport>, QuantiseError> {
        let names = self.plan.tensors.iter().map(|new| new.name.clone());
        let order: HashMap<String, usize> = names.zip(0..).collect();
        let mut staging = Staging::folder(folder, options.force)?;
        let shards = shards(self.plan.tensors, options.max_shard_bytes);
        let mut small = self.companions;
        small.extend(index(&shards).map(|(name, content)| (name.to_owned(), content)));
        let content_bytes = small.iter().map(|(_, content)| content.len() as u64).sum::<u64>();
        staging.check_room(shards.iter().map(|shard| shard.bytes).sum::<u64>() + content_bytes)?;
        for (name, content) in &small {
            staging.write(name, content)?;
        }
        for shard in &shards {
            write(&staging.add(&shard.name), &shard.header, (&shard.tensors, 1), options)?;
        }
        staging.commit()?;
        let mut tensors: Vec<_> = shards.into_iter().flat_map(|shard| shard.tensors).collect();
        tensors.sort_by_key(|new| order.get(&new.name));
        Ok(report::merged(tensors.iter().filter_map(reported)))
    }
}

/// What has become of a tensor, if it was quantised.
fn reported(new: &NewTensor<'_>) -> Option<TensorReport> {
    let Content::Values(matrix, _) = &new.content else { return None };
    let values = new.rows * matrix.cols;
    let scales = matrix.parts.iter().map(|part| part.scales.len() as u64).sum::<u64>();
    Some(TensorReport {
        name: new.stored_name.to_owned(),
        from: matrix.parts[0].dtype,
        to: matrix.to,
        bytes_before: new.stored.range.len() as u64 + scales,
        bytes_after: matrix.to.bytes(values) as u64,
        deviation: new.deviation()?,
    })
}

/// The files beside the weights, the config with what it has to say of these.
fn companions(files: &Files<'_>, plan: &Plan<'_>) -> Result<Vec<(String, Vec<u8>)>, QuantiseError> {
    let missing = || QuantiseError::from(files.missing(CONFIG));
    let mut config = files.json(CONFIG)?.ok_or_else(missing)?;
    match (quantization_config::of(&plan.groups, plan.is_released), config.as_object_mut()) {
        (Some(said), _) => config[quantization_config::KEY] = said,
        // What was quantised is no longer.
        (None, Some(config)) => drop(config.remove(quantization_config::KEY)),
        (None, None) => {}
    }
    let mut companions = vec![(CONFIG.to_owned(), format!("{config:#}\n").into_bytes())];
    for name in COMPANIONS.iter().map(|end| files.ending_in(end)) {
        for name in name? {
            let is_index = name.ends_with(".safetensors.index.json");
            if name != CONFIG && !is_index && !name.starts_with('.') {
                let content = files.read(&name)?.ok_or_else(|| files.missing(&name))?;
                companions.push((name, content.to_vec()));
            }
        }
    }
    Ok(companions)
}
