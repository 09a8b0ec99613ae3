//! Checkpoints that cannot be used: the error names file, tensor, found and expected, and never
//! is a panic.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::path::Path;

use common::Folder;
use proptest::prelude::*;
use safetensors::Dtype;
use serde_json::json;
use throng_checkpoint::{Checkpoint, CheckpointError};

const WEIGHTS: &str = "model.safetensors";

#[test]
fn a_path_that_is_no_model() {
    let folder = Folder::new();
    let missing = Checkpoint::open(&folder.path("nowhere")).unwrap_err();
    assert!(matches!(missing, CheckpointError::NoFolder { .. }), "{missing}");
    assert!(missing.hint().unwrap().contains("model.safetensors"));
    let file = Checkpoint::open(&folder.path("config.json")).unwrap_err();
    assert!(matches!(file, CheckpointError::NotAModel { .. }), "{file}");
    let none = Checkpoint::embedded::<Vec<u8>>(&[]).unwrap_err();
    assert_eq!(none.to_string(), "embedded config.json is missing");
    assert!(Checkpoint::open(Path::new("")).is_err());
}

#[test]
fn files_that_are_missing_or_no_files() {
    for name in ["config.json", "tokenizer.json", WEIGHTS] {
        let folder = Folder::new();
        folder.remove(name);
        let (message, hint) = folder.error();
        assert_eq!(message, format!("{name} is missing"));
        assert!(hint.unwrap().contains(name));
        std::fs::create_dir(folder.path(name)).unwrap();
        assert_eq!(folder.message(), format!("cannot read {name}: it is not a regular file"));
    }
}

#[test]
fn json_that_is_none_or_lies() {
    let folder = Folder::new();
    folder.set("generation_config.json", "eos_token_id", json!([258, 272]));
    assert_eq!(
        folder.message(),
        "generation_config.json: eos_token_id is 272, expected token ids within the vocabulary"
    );
    for (key, value) in [("temperature", json!(-1)), ("top_p", json!(0)), ("top_k", json!(0.5))] {
        let folder = Folder::new();
        folder.set("generation_config.json", key, value.clone());
        assert!(folder.message().starts_with(&format!("generation_config.json: {key} is {value}")));
    }
    folder.write("generation_config.json", "[]");
    assert!(folder.message().contains("the file is [], expected a JSON object"));
    folder.set("config.json", "hidden_size", json!(0));
    assert!(folder.message().starts_with("config.json: hidden_size is 0, expected"));
    folder.set("config.json", "model_type", json!("mamba"));
    assert_eq!(
        folder.message(),
        "config.json: model_type is \"mamba\", supported: gpt_oss, llama, qwen3, qwen3_moe, gpt2"
    );
    folder.write("config.json", "{\"hidden_size\": ");
    assert!(folder.message().starts_with("config.json is not valid JSON: EOF"));
    folder.write("config.json", "[".repeat(100_000));
    assert!(folder.message().starts_with("config.json is not valid JSON: recursion limit"));
}

#[test]
fn weights_that_end_early_or_late() {
    let folder = Folder::new();
    let whole = folder.read(WEIGHTS);
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        folder.write(WEIGHTS, &whole[..length]);
        let (message, hint) = folder.error();
        assert!(message.starts_with(&format!("{WEIGHTS} is truncated: it has {length} bytes")));
        assert!(hint.unwrap().contains("fetch the file again"));
    }
    folder.write(WEIGHTS, [&whole[..], &[0; 3]].concat());
    assert!(folder.message().ends_with("3 bytes that belong to no tensor"));
    folder.write(WEIGHTS, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    let (message, hint) = folder.error();
    assert_eq!(message, "model.safetensors is a git-lfs pointer, not the file itself");
    assert!(hint.unwrap().contains("git lfs pull"));
}

#[test]
fn a_header_that_makes_no_sense() {
    let folder = Folder::new();
    folder.write(WEIGHTS, [&u64::MAX.to_le_bytes()[..], &[b' '; 64]].concat());
    assert!(folder.message().contains("a header of 18446744073709551615 bytes, expected at most"));
    let header = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
    folder.write(WEIGHTS, header("no json"));
    assert!(folder.message().contains("is not a sound safetensors file"));
    // Ranges so large that their ends cannot be added to anything.
    let part = 1u64 << 60;
    let tensors: Vec<_> = (0..15)
        .map(|place| {
            let (start, end) = (place * part, (place + 1) * part);
            format!(
                r#""t{place}":{{"dtype":"U8","shape":[{part}],"data_offsets":[{start},{end}]}}"#
            )
        })
        .collect();
    let last = format!(
        r#""last":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}"#,
        part - 1,
        15 * part,
        u64::MAX
    );
    folder.write(WEIGHTS, header(&format!("{{{},{last}}}", tensors.join(","))));
    assert!(folder.message().contains("truncated"), "{}", folder.message());
}

#[test]
fn tensors_that_do_not_fit_the_config() {
    let folder = Folder::new();
    folder.change("model.norm.weight", |(dtype, shape, data)| {
        *dtype = Dtype::I64;
        *data = vec![0; 8 * shape[0]];
    });
    let (message, hint) = folder.error();
    assert_eq!(
        message,
        "model.safetensors: tensor model.norm.weight has dtype i64, expected bf16, f16 or f32"
    );
    assert!(hint.unwrap().contains("same model"));

    let folder = Folder::new();
    folder
        .change("model.layers.1.mlp.experts.down_proj_scales", |(dtype, _, _)| *dtype = Dtype::I8);
    assert_eq!(
        folder.message(),
        "model.safetensors: tensor model.layers.1.mlp.experts.down_proj_scales has dtype i8, \
         expected u8"
    );

    let folder = Folder::new();
    folder.change("model.layers.0.self_attn.q_proj.weight", |(_, shape, _)| shape.reverse());
    assert_eq!(
        folder.message(),
        "model.safetensors: tensor model.layers.0.self_attn.q_proj.weight has shape [32, 128], \
         expected [128, 32]"
    );

    let folder = Folder::new();
    folder.set("config.json", "num_local_experts", json!(3));
    assert!(folder.message().ends_with("has shape [2, 32], expected [3, 32]"));
    folder.set("config.json", "num_hidden_layers", json!(3));
    folder.set("config.json", "num_local_experts", json!(2));
    folder.set("config.json", "layer_types", json!(null));
    assert_eq!(
        folder.message(),
        "model.safetensors has no tensor model.layers.2.input_layernorm.weight"
    );
}

#[test]
fn tensors_that_have_no_role() {
    let folder = Folder::new();
    let mut tensors = folder.tensors();
    tensors.insert("model.layers.0.mlp.shared".to_owned(), (Dtype::F32, vec![1], vec![0; 4]));
    folder.store(WEIGHTS, &tensors);
    let (message, hint) = folder.error();
    assert_eq!(
        message,
        "model.safetensors has a tensor model.layers.0.mlp.shared that the model does not"
    );
    assert!(hint.unwrap().contains("one release"));
}

/// Opens and reads everything, or gets an error of one line.
fn open_and_read(folder: &Folder) {
    match folder.open() {
        Ok(checkpoint) => {
            for (role, shape) in checkpoint.spec().tensors() {
                let tensor = checkpoint.tensor(role);
                let bytes = tensor.data.iter().chain(tensor.scales);
                std::hint::black_box(bytes.fold(0u8, |sum, byte| sum ^ byte));
                assert_eq!(tensor.shape, shape);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Bytes changed anywhere, mostly in headers and JSON, where they mean something.
    #[test]
    fn changed_bytes_never_panic(
        name in prop::sample::select(vec![WEIGHTS, WEIGHTS, "config.json", "generation_config.json"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        anywhere in prop::bool::weighted(0.1),
    ) {
        let folder = Folder::new();
        let mut content = folder.read(name);
        let end = if anywhere || name != WEIGHTS { content.len() } else { 4000 };
        for (place, value) in changes {
            content[place.index(end)] = value;
        }
        folder.write(name, content);
        open_and_read(&folder);
    }

    /// Files cut anywhere.
    #[test]
    fn cut_files_are_refused(
        name in prop::sample::select(vec![WEIGHTS, "config.json", "generation_config.json"]),
        place in any::<prop::sample::Index>(),
    ) {
        let folder = Folder::new();
        let content = folder.read(name);
        folder.write(name, &content[..place.index(content.len())]);
        prop_assert!(folder.open().is_err());
    }

    /// Numbers of the weights' header replaced by any others.
    #[test]
    fn hostile_headers_never_panic(
        which in any::<prop::sample::Index>(),
        number in prop_oneof![any::<u64>(), 0u64..100_000, (0u32..64).prop_map(|shift| 1 << shift)],
    ) {
        let folder = Folder::new();
        let content = folder.read(WEIGHTS);
        let (length, rest) = content.split_at(8);
        let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
        let (header, data) = rest.split_at(length);
        let header = std::str::from_utf8(header).unwrap();
        let starts: Vec<_> = header
            .match_indices(['[', ','])
            .map(|(place, _)| place + 1)
            .filter(|&place| header[place..].starts_with(|next: char| next.is_ascii_digit()))
            .collect();
        let start = starts[which.index(starts.len())];
        let digits = header[start..].find(|next: char| !next.is_ascii_digit()).unwrap();
        let header = format!("{}{number}{}", &header[..start], &header[start + digits..]);
        let length = (header.len() as u64).to_le_bytes();
        folder.write(WEIGHTS, [&length[..], header.as_bytes(), data].concat());
        open_and_read(&folder);
    }
}
