//! What the fuzzer begins with opens: mutations of a refused file would reach little.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::path::Path;
use std::sync::Arc;

use throng_checkpoint::Checkpoint;

#[test]
fn gguf_headers_open_with_zeros_for_weights() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/gguf_header");
    let mut architectures = Vec::new();
    for seed in std::fs::read_dir(seeds).unwrap() {
        let mut file = std::fs::read(seed.unwrap().path()).unwrap();
        file.resize(file.len() + (64 << 10), 0);
        let checkpoint = Checkpoint::embedded(&[("model.gguf", Arc::<[u8]>::from(file))]).unwrap();
        architectures.push(checkpoint.spec().architecture.to_owned());
    }
    architectures.sort();
    assert_eq!(architectures, ["gpt2", "gpt_oss", "llama", "qwen3", "qwen3_moe"]);
}
