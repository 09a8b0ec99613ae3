//! Any `model.safetensors` is opened or refused, with the config of each architecture and of FP8.
//!
//! An input that begins like JSON is a header: its length is put before it and as many zeros behind
//! it as it speaks of, so that mutations reach what reads tensors. Any other is the whole file.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use throng_checkpoint::{Checkpoint, CheckpointError};

const CONFIGS: [&[u8]; 7] = [
    include_bytes!("../../crates/throng-model/tests/golden/released-window/config.json"),
    include_bytes!("../../crates/throng-model/tests/golden/llama/config.json"),
    include_bytes!("../../crates/throng-model/tests/golden/qwen3/config.json"),
    include_bytes!("../../crates/throng-model/tests/golden/qwen3-moe/config.json"),
    include_bytes!("../../crates/throng-model/tests/golden/gpt2/config.json"),
    include_bytes!("../../crates/throng-model/tests/golden/fp8-experts/config.json"),
    include_bytes!("../../crates/throng-model/tests/golden/fp8-channels/config.json"),
];

/// Zeros behind a header at most; the tensors of the largest seed have fewer.
const MAX_DATA_BYTES: u64 = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let file = if input.starts_with(b"{") { with_data(input) } else { input.to_vec() };
    let file: Arc<[u8]> = file.into();
    for config in CONFIGS {
        let files = [
            ("config.json", Arc::from(config)),
            ("tokenizer.json", Arc::from(*b"{}")),
            ("model.safetensors", file.clone()),
        ];
        match Checkpoint::embedded(&files) {
            Ok(checkpoint) => throng_fuzz::check(&checkpoint),
            // It is so whatever the config.
            Err(CheckpointError::Corrupt { .. } | CheckpointError::Truncated { .. }) => return,
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

fn with_data(header: &[u8]) -> Vec<u8> {
    let entries: Option<serde_json::Map<String, Value>> = serde_json::from_slice(header).ok();
    let ends = entries.iter().flatten().filter_map(|(_, entry)| entry["data_offsets"][1].as_u64());
    let data = ends.max().unwrap_or(0).min(MAX_DATA_BYTES) as usize;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.resize(file.len() + data, 0);
    file
}
