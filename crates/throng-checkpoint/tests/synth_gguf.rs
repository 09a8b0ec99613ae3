//! Random models as GGUF files: the same numbers as in the released layout.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::fs;

use common::random::{OPTIONS, bytes, files, model};
use serde_json::{Value, json};
use throng_checkpoint::synth::SynthError;
use throng_checkpoint::{Checkpoint, WriteError, WriteOptions};
use throng_spec::{LayerRole, Role};
use throng_testkit::configs;

/// The configs of which GGUF can say all: mixtures in every layer of a mixture.
fn gguf_configs() -> [Value; 5] {
    configs().map(|mut config| {
        if let Some(dense) = config.get_mut("mlp_only_layers") {
            *dense = json!([]);
        }
        config
    })
}

#[test]
fn gguf_files_open_and_are_the_same_model() {
    for config in gguf_configs() {
        let folder = tempfile::tempdir().unwrap();
        let model = model(&config, None, 1);
        let [released, gguf] = ["folder", "deep/model.gguf"].map(|name| folder.path().join(name));
        model.write_folder(&released, &OPTIONS).unwrap();
        model.write_gguf(&gguf, &WriteOptions { threads: 2, ..OPTIONS }).unwrap();
        let [released, gguf] = [released, gguf].map(|path| Checkpoint::open(&path).unwrap());
        assert_eq!(gguf.spec(), released.spec());
        assert_eq!(bytes(&gguf), model.gguf_bytes(), "{config}");
        let stops = |checkpoint: &Checkpoint| checkpoint.generation().stop_tokens.clone();
        assert_eq!(stops(&gguf), stops(&released));
        let [from_gguf, own] = [&gguf, &released].map(|checkpoint| {
            let json: Value = serde_json::from_slice(checkpoint.tokenizer_json()).unwrap();
            (json["model"]["vocab"].clone(), json["added_tokens"].as_array().unwrap().len())
        });
        assert_eq!(from_gguf, own);
        assert_eq!(gguf.chat_template().is_some(), released.chat_template().is_some());
    }
}

/// Gate and up projections apart there, and nibbles in another order.
#[test]
fn experts_have_the_same_numbers_in_gguf() {
    let folder = tempfile::tempdir().unwrap();
    let [released, gguf] = ["folder", "model.gguf"].map(|name| folder.path().join(name));
    let model = model(&configs()[0], None, 1);
    model.write_folder(&released, &OPTIONS).unwrap();
    model.write_gguf(&gguf, &OPTIONS).unwrap();
    let [released, gguf] = [released, gguf].map(|path| Checkpoint::open(&path).unwrap());
    let role = Role::Layer(2, LayerRole::GateUp);
    let whole = released.tensor(role);
    let parts: Vec<_> = gguf.pieces(role).collect();
    assert_eq!((whole.shape, parts.len()), (&[8, 192, 64][..], 2));
    let (row_blocks, block_bytes) = (64 / 32, 17);
    for (row, scales) in whole.scales.chunks_exact(row_blocks).enumerate() {
        for (block, &scale) in scales.iter().enumerate() {
            let place = row / 2 * row_blocks + block;
            let theirs = &parts[row % 2].data[place * block_bytes..][..block_bytes];
            let ours = &whole.data[(row * row_blocks + block) * 16..][..16];
            assert_eq!(theirs[0], scale);
            for i in 0..16 {
                assert_eq!(theirs[1 + i] & 0xF, ours[i / 2] >> (i % 2 * 4) & 0xF);
                assert_eq!(theirs[1 + i] >> 4, ours[8 + i / 2] >> (i % 2 * 4) & 0xF);
            }
        }
    }
}

#[test]
fn gguf_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.gguf");
    let refuse = |config: &Value| {
        let error = model(config, None, 1).write_gguf(&out, &OPTIONS).unwrap_err();
        assert!(matches!(error, SynthError::NotInGguf { .. }), "{error}");
        assert!(!out.exists());
        error.to_string()
    };
    assert!(refuse(&configs()[3]).contains("sequence of layers"));
    let mut config = gguf_configs()[3].clone();
    config["norm_topk_prob"] = json!(false);
    assert!(refuse(&config).contains("not normalised"));
    let mut config = configs()[0].clone();
    config["layer_types"] = json!(vec!["full_attention"; 4]);
    assert!(refuse(&config).contains("sequence of layers"));
    let model = model(&configs()[1], None, 1);
    let error = model.write_gguf(&folder.path().join("model"), &OPTIONS).unwrap_err();
    assert!(matches!(error, SynthError::Write(WriteError::NotNamedGguf { .. })), "{error}");
    // Files beside it are none of its business.
    fs::write(folder.path().join("model.safetensors"), "mine").unwrap();
    model.write_gguf(&out, &OPTIONS).unwrap();
    let error = model.write_gguf(&out, &OPTIONS).unwrap_err();
    assert!(matches!(error, SynthError::Write(WriteError::Exists { .. })), "{error}");
    model.write_gguf(&out, &WriteOptions { force: true, ..OPTIONS }).unwrap();
    let names: Vec<_> = files(folder.path()).into_keys().collect();
    assert_eq!(names, ["model.gguf", "model.safetensors"]);
}
