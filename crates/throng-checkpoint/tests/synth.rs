//! Random models: sound in every architecture, the same wherever and however they are made, and
//! never half there.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use common::random::{OPTIONS, bytes, files, model};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use throng_checkpoint::synth::{RandomModel, SynthError};
use throng_checkpoint::{Checkpoint, MAX_SHARD_BYTES, WriteError, WriteOptions};
use throng_spec::{ModelSpec, Role, builtin};
use throng_testkit::configs;

/// Every tensor of a file, by its name.
fn tensors(safetensors: &[u8]) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let file = SafeTensors::deserialize(safetensors).unwrap();
    let tensor = |(name, tensor): (String, safetensors::tensor::TensorView<'_>)| {
        (name, (tensor.shape().to_vec(), tensor.data().to_vec()))
    };
    file.tensors().into_iter().map(tensor).collect()
}

#[test]
fn every_architecture_opens_and_has_the_bytes_of_its_spec() {
    for config in configs() {
        let folder = tempfile::tempdir().unwrap();
        let model = model(&config, None, 1);
        model.write_folder(folder.path(), &OPTIONS).unwrap();
        let checkpoint = Checkpoint::open(folder.path()).unwrap();
        assert_eq!(checkpoint.spec(), &ModelSpec::from_config(&config).unwrap());
        assert_eq!(bytes(&checkpoint), model.bytes(), "{}", model.spec().architecture);
        let file = fs::metadata(folder.path().join("model.safetensors")).unwrap();
        assert!(file.len() > model.bytes(), "the header has some too");
        assert!(!checkpoint.generation().stop_tokens.is_empty());
    }
}

#[test]
fn released_shapes_have_their_published_bytes() {
    for (name, published) in [("gpt-oss-20b", 13_761_264_768), ("gpt-oss-120b", 65_248_815_744)] {
        let config = builtin::config(name).unwrap();
        assert_eq!(model(&config, None, 0).bytes(), published, "{name}");
    }
}

#[test]
fn threads_and_files_change_nothing_seeds_everything() {
    for config in configs() {
        let model = model(&config, None, 7);
        let folder = tempfile::tempdir().unwrap();
        model.write_folder(folder.path(), &WriteOptions { threads: 3, ..OPTIONS }).unwrap();
        let written = &files(folder.path())["model.safetensors"];
        assert!(*written == model.to_safetensors(), "{config}");
        let other = tensors(&common::random::model(&config, None, 8).to_safetensors());
        for (name, tensor) in tensors(written) {
            assert!(tensor != other[&name], "{name} is the same for another seed");
        }
    }
}

/// A change here is a change of what `throng synth` writes for a seed: say so in the commit.
#[test]
fn a_seed_keeps_its_weights() {
    let found = configs().map(|config| {
        let bytes = model(&config, None, 42).to_safetensors();
        let fnv = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv)
    });
    let expected = [
        0xe6b8_7647_0dd3_8470,
        0xb680_192d_8867_d49b,
        0xeca3_5a10_b072_e3c3,
        0xec46_1fcf_5aeb_a71f,
        0x910b_3404_4672_1db8,
    ];
    assert_eq!(found, expected, "{found:#x?}");
}

#[test]
fn fewer_layers_are_the_first_ones_and_more_go_on() {
    for config in configs() {
        let all = tensors(&model(&config, None, 3).to_safetensors());
        let few = model(&config, Some(2), 3);
        assert_eq!(few.spec().layers.len(), 2);
        let few = tensors(&few.to_safetensors());
        assert!(few.len() < all.len());
        assert!(few.iter().all(|(name, tensor)| all[name] == *tensor));
        let more = model(&config, Some(9), 3);
        let layers = &more.spec().layers;
        assert_eq!(layers.len(), 9);
        assert!(layers[..all_layers(&config)] == model(&config, None, 3).spec().layers);
    }
    for layers in [0, 1025] {
        let error = RandomModel::new(&configs()[0], Some(layers), 3).unwrap_err();
        assert!(matches!(error, SynthError::Layers { .. }), "{error}");
    }
}

fn all_layers(config: &Value) -> usize {
    ModelSpec::from_config(config).unwrap().layers.len()
}

#[test]
fn shards_are_what_one_file_is() {
    let model = model(&configs()[3], None, 5);
    let [one, many] = [MAX_SHARD_BYTES, 40_000].map(|max_shard_bytes| {
        let folder = tempfile::tempdir().unwrap();
        model.write_folder(folder.path(), &WriteOptions { max_shard_bytes, ..OPTIONS }).unwrap();
        folder
    });
    let shards = files(many.path());
    let index: Value = serde_json::from_slice(&shards["model.safetensors.index.json"]).unwrap();
    assert_eq!(index["metadata"]["total_size"], json!(model.bytes()));
    assert!(shards.contains_key("model-00001-of-00022.safetensors"));
    let [one, many] = [one, many].map(|folder| Checkpoint::open(folder.path()).unwrap());
    for (role, _) in one.spec().tensors() {
        let content = |checkpoint: &Checkpoint| -> Vec<_> {
            checkpoint.pieces(role).map(|tensor| tensor.data.to_vec()).collect()
        };
        assert!(content(&one) == content(&many), "{role:?}");
    }
}

#[test]
fn what_is_there_stays_unless_it_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("deep/model");
    let many = WriteOptions { max_shard_bytes: 40_000, ..OPTIONS };
    model(&configs()[1], None, 1).write_folder(&out, &many).unwrap();
    let before = files(&out);
    let one = model(&configs()[1], None, 2);
    let error = one.write_folder(&out, &OPTIONS).unwrap_err();
    assert!(matches!(error, SynthError::Write(WriteError::Exists { .. })), "{error}");
    assert!(files(&out) == before);
    fs::write(out.join("notes.txt"), "mine").unwrap();
    one.write_folder(&out, &WriteOptions { force: true, ..OPTIONS }).unwrap();
    let after = files(&out);
    // No old shard is left to be taken for a new one; what is no checkpoint's is left alone.
    let names: Vec<_> = after.keys().map(String::as_str).collect();
    let expected = [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "notes.txt",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(names, expected);
    assert!(after["model.safetensors"] == one.to_safetensors());
    let file = out.join("notes.txt");
    let error = one.write_folder(&file, &OPTIONS).unwrap_err();
    assert!(matches!(error, SynthError::Write(WriteError::WrongKind { .. })), "{error}");
}

#[test]
fn breaking_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let written = AtomicU64::new(0);
    let progress = |bytes| match written.fetch_add(bytes, Ordering::Relaxed) {
        before if before > 10_000 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let options = WriteOptions { threads: 2, progress: &progress, ..OPTIONS };
    let error = model(&configs()[0], None, 1).write_folder(&out, &options).unwrap_err();
    assert!(matches!(error, SynthError::Write(WriteError::Interrupted)), "{error}");
    assert!(written.load(Ordering::Relaxed) > 10_000);
    assert!(!out.exists(), "a folder that was made for the model is gone with it");
    fs::create_dir(&out).unwrap();
    let error = model(&configs()[0], None, 1).write_folder(&out, &options).unwrap_err();
    assert!(matches!(error, SynthError::Write(WriteError::Interrupted)), "{error}");
    assert!(files(&out).is_empty());
}

#[test]
fn a_vocabulary_must_have_room_for_bytes_and_special_tokens() {
    let mut config = configs()[0].clone();
    config["vocab_size"] = json!(265);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let error = model(&config, None, 1).write_folder(&out, &OPTIONS).unwrap_err();
    assert!(error.to_string().contains("265") && error.to_string().contains("266"), "{error}");
    assert!(!out.exists());
    assert!(!error.hint().is_empty());
}

#[test]
fn values_are_as_large_as_their_fan_in_asks() {
    let config = &configs()[1];
    let folder = tempfile::tempdir().unwrap();
    model(config, None, 1).write_folder(folder.path(), &OPTIONS).unwrap();
    let checkpoint = Checkpoint::open(folder.path()).unwrap();
    let value = |bytes: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
    let embedding = checkpoint.tensor(Role::Embedding);
    let values: Vec<f32> = embedding.data.as_chunks().0.iter().map(value).collect();
    let deviation = (values.iter().map(|x| x * x).sum::<f32>() / values.len() as f32).sqrt();
    // As large as a head's, for it is one: 2 / √hidden.
    assert!((deviation - 0.25).abs() < 0.01, "{deviation}");
    let norm = checkpoint.tensor(Role::FinalNorm);
    let values: Vec<f32> = norm.data.as_chunks().0.iter().map(value).collect();
    let negative = values.iter().filter(|x| **x < 0.0).count();
    assert!((16..48).contains(&negative), "{negative} of 64 signs");
    assert!(values.iter().all(|x| (0.5..1.5).contains(&x.abs())));
}
