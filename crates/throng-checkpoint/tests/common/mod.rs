//! A checkpoint in a temporary folder, to be spoilt.

#![allow(dead_code, reason = "each test file uses its part")]

pub mod fp8;
pub mod quantised;
pub mod random;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde_json::Value;
use tempfile::TempDir;
use throng_checkpoint::{Checkpoint, CheckpointError};
use throng_testkit::TinyGptOss;

/// A tensor's dtype, shape and bytes.
pub type Stored = (Dtype, Vec<usize>, Vec<u8>);

/// Small enough to be written hundreds of times.
pub fn sizes() -> TinyGptOss {
    TinyGptOss { hidden: 32, width: 64, layers: 2, experts: 2, active: 1, ..TinyGptOss::default() }
}

static FILES: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(|| sizes().files());

/// A folder with a sound checkpoint.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for (name, content) in FILES.iter() {
            fs::write(folder.path().join(name), content).unwrap();
        }
        Self(folder)
    }

    pub fn open(&self) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::open(self.0.path())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Sets a key of a JSON file.
    pub fn set(&self, name: &str, key: &str, value: Value) {
        let mut json: Value = serde_json::from_slice(&self.read(name)).unwrap();
        json[key] = value;
        self.write(name, json.to_string());
    }

    /// The stored tensors.
    pub fn tensors(&self) -> BTreeMap<String, Stored> {
        let content = self.read("model.safetensors");
        let file = SafeTensors::deserialize(&content).unwrap();
        let stored =
            |view: TensorView<'_>| (view.dtype(), view.shape().to_vec(), view.data().to_vec());
        file.tensors().into_iter().map(|(name, view)| (name, stored(view))).collect()
    }

    /// Writes tensors into a file.
    pub fn store(&self, name: &str, tensors: &BTreeMap<String, Stored>) {
        let views = tensors.iter().map(|(name, (dtype, shape, data))| {
            (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        self.write(name, serialize(views, None).unwrap());
    }

    /// Changes one tensor.
    pub fn change(&self, tensor: &str, change: impl FnOnce(&mut Stored)) {
        let mut tensors = self.tensors();
        change(tensors.get_mut(tensor).unwrap());
        self.store("model.safetensors", &tensors);
    }

    /// The error's message and hint, with the folder's own path left out.
    pub fn error(&self) -> (String, Option<&'static str>) {
        let error = self.open().unwrap_err();
        let folder = format!("{}/", self.0.path().display());
        (error.to_string().replace(&folder, ""), error.hint())
    }

    /// The message alone.
    pub fn message(&self) -> String {
        self.error().0
    }
}
