//! The weight files of a checkpoint: one, an index and its shards, or the parts of a split one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path};

use serde_json::Value;

use crate::archive::{Archive, Entry};
use crate::error::CheckpointError;
use crate::files::Files;
use crate::safetensors;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// All weight files, opened.
#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) archives: Vec<Archive>,
    /// Tensor name to archive, where there are several.
    shard_of: Option<HashMap<String, usize>>,
    /// The file to name when a tensor is nowhere.
    file: String,
}

impl Weights {
    /// Opens the single safetensors file, or else the index and the shards that it names.
    pub(crate) fn open(files: &Files<'_>) -> Result<Self, CheckpointError> {
        if let Some(bytes) = files.map(SINGLE)? {
            let file = files.label(SINGLE);
            let archive = safetensors::read(file.clone(), bytes)?;
            return Ok(Self { archives: vec![archive], shard_of: None, file });
        }
        let index = files.json(INDEX)?.ok_or_else(|| files.missing(SINGLE))?;
        let file = files.label(INDEX);
        let invalid = |key: &str, found: String, expected: &str| CheckpointError::Invalid {
            file: file.clone(),
            key: key.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        let map = index.get("weight_map").and_then(Value::as_object).ok_or_else(|| {
            invalid(
                "weight_map",
                "missing or no object".to_owned(),
                "tensor names with their files",
            )
        })?;
        let mut shards = BTreeMap::<&str, usize>::new();
        let mut archives = Vec::new();
        let mut shard_of = HashMap::with_capacity(map.len());
        for (tensor, shard) in map {
            let name = shard.as_str().filter(|name| is_plain(name)).ok_or_else(|| {
                let found: String = shard.to_string().chars().take(60).collect();
                invalid(&format!("weight_map.{tensor}"), found, "a file name without folders")
            })?;
            let next = archives.len();
            let archive = *shards.entry(name).or_insert(next);
            if archive == next {
                let bytes = files.map(name)?.ok_or_else(|| files.missing(name))?;
                archives.push(safetensors::read(files.label(name), bytes)?);
            }
            shard_of.insert(tensor.clone(), archive);
        }
        owners(&archives)?;
        Ok(Self { archives, shard_of: Some(shard_of), file })
    }

    /// Archives that say themselves what they have; at least one.
    pub(crate) fn of(archives: Vec<Archive>) -> Result<Self, CheckpointError> {
        let shard_of = Some(owners(&archives)?);
        let file = archives[0].file.clone();
        Ok(Self { archives, shard_of, file })
    }

    /// The tensor of this name and the archive that has it.
    pub(crate) fn find(&self, name: &str) -> Result<(usize, &Entry), CheckpointError> {
        let missing = |file: &str| CheckpointError::MissingTensor {
            file: file.to_owned(),
            tensor: name.to_owned(),
        };
        let archive = match &self.shard_of {
            None => 0,
            Some(shard_of) => *shard_of.get(name).ok_or_else(|| missing(&self.file))?,
        };
        let entry = self.archives[archive].entries.get(name);
        entry.map(|entry| (archive, entry)).ok_or_else(|| missing(&self.archives[archive].file))
    }
}

/// Which archive has each tensor. One that two have could be either's.
fn owners(archives: &[Archive]) -> Result<HashMap<String, usize>, CheckpointError> {
    let mut owners = HashMap::new();
    for (index, archive) in archives.iter().enumerate() {
        for name in archive.entries.keys() {
            if let Some(first) = owners.insert(name.clone(), index) {
                let (tensor, first) = (name.clone(), archives[first].file.clone());
                let second = archive.file.clone();
                return Err(CheckpointError::DuplicateTensor { tensor, first, second });
            }
        }
    }
    Ok(owners)
}

/// Whether a name stays within the folder.
fn is_plain(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(_)), None))
}
