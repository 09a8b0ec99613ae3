//! Folders with quantised weights: every architecture is written and read again.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use common::Folder;
use common::quantised::{quantise, resolved, stored};
use common::random::{OPTIONS, files, model};
use safetensors::Dtype;
use serde_json::{Value, json};
use throng_checkpoint::quantised::QuantiseError;
use throng_checkpoint::{Checkpoint, WriteError, WriteOptions};
use throng_spec::{DType, MatrixKind, QuantisationRequest, Role, Stored};
use throng_testkit::configs;

/// The stored values of a role that is not quantised.
fn content(checkpoint: &Checkpoint, role: Role) -> Vec<Vec<u8>> {
    checkpoint.pieces(role).map(|piece| piece.data.to_vec()).collect()
}

#[test]
fn every_architecture_is_written_and_read_again() {
    for (config, request) in configs().iter().flat_map(|config| {
        let requests: &[&str] = if config["model_type"] == "gpt_oss" {
            &["int8", "attention=mxfp4,head=int8"]
        } else {
            &["int8", "mxfp4", "attention=int8,experts=mxfp4"]
        };
        requests.iter().map(move |&request| (config, request))
    }) {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        model(config, None, 3).write_folder(&from, &OPTIONS).unwrap();
        let reports = quantise(&from, request, &to, &OPTIONS).unwrap();
        let (old, new) = (Checkpoint::open(&from).unwrap(), Checkpoint::open(&to).unwrap());
        assert_eq!(old.spec(), new.spec(), "{request} of {config}");
        assert_eq!(old.tokenizer_json(), new.tokenizer_json());
        assert_eq!(old.generation(), new.generation());
        let quantisation = resolved(&old, request);
        let expected = quantisation.apply(old.spec(), &stored(&old));
        // Experts of GPT-2's kind come in as many pieces; only types and values count.
        let sums = |tensors: &[Stored]| {
            let mut sums: BTreeMap<(String, &str), usize> = BTreeMap::new();
            for tensor in tensors {
                let key = (format!("{:?}", tensor.role), tensor.dtype.name());
                *sums.entry(key).or_default() += tensor.values;
            }
            sums
        };
        assert_eq!(sums(&stored(&new)), sums(&expected), "{request} of {config}");
        for (role, _) in old.spec().tensors() {
            if quantisation.dtype(old.spec(), role).is_none() {
                assert_eq!(content(&old, role), content(&new, role), "{role:?}");
            }
        }
        let after: u64 = reports.iter().map(|report| report.bytes_after).sum();
        let asked = |tensor: &&Stored| quantisation.dtype(old.spec(), tensor.role).is_some();
        let bytes: usize = expected.iter().filter(asked).map(Stored::bytes).sum();
        assert_eq!(after, bytes as u64, "{request} of {config}");
        for report in reports {
            let error = report.deviation.relative_rms();
            let usual = if report.to == DType::Q8_0 { 0.002..0.01 } else { 0.05..0.2 };
            assert!(usual.contains(&error), "{}: {error}", report.name);
        }
        let said: Value = serde_json::from_slice(&files(&to)["config.json"]).unwrap();
        assert_eq!(said["quantization_config"]["quant_method"], "compressed-tensors");
    }
}

#[test]
fn names_are_those_of_compressed_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
    model(&configs()[2], None, 3).write_folder(&from, &OPTIONS).unwrap();
    quantise(&from, "attention=int8,experts=mxfp4", &to, &OPTIONS).unwrap();
    let bytes = &files(&to)["model.safetensors"];
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensor = |name: &str| {
        let tensor = file.tensor(name).unwrap();
        (tensor.dtype(), tensor.shape().to_vec())
    };
    let layer = |name: &str| tensor(&format!("model.layers.1.{name}"));
    assert_eq!(layer("self_attn.q_proj.weight"), (Dtype::I8, vec![128, 64]));
    assert_eq!(layer("self_attn.q_proj.weight_scale"), (Dtype::F16, vec![128, 2]));
    assert_eq!(layer("mlp.down_proj.weight_packed"), (Dtype::U8, vec![64, 80]));
    assert_eq!(layer("mlp.down_proj.weight_scale"), (Dtype::U8, vec![64, 5]));
    assert_eq!(tensor("lm_head.weight"), (Dtype::BF16, vec![320, 64]));
    let config: Value = serde_json::from_slice(&files(&to)["config.json"]).unwrap();
    let said = &config["quantization_config"];
    assert_eq!(said["format"], "mixed-precision");
    let group = &said["config_groups"]["group_0"];
    assert_eq!(group["format"], "int-quantized");
    assert_eq!(group["weights"]["group_size"], 32);
    let targets = group["targets"].as_array().unwrap();
    assert!(targets.contains(&json!("re:^model\\.layers\\.\\d+\\.self_attn\\.q_proj$")), "{said}");
    assert_eq!(targets.len(), 4, "{said}");
}

/// In Python the embedding and the head are two modules that share values, each with its scales.
#[test]
fn a_tied_head_has_the_scales_of_the_embedding() {
    let config = configs().into_iter().find(|config| config["tie_word_embeddings"] == true);
    let folder = tempfile::tempdir().unwrap();
    let [from, head, all] = ["from", "head", "all"].map(|name| folder.path().join(name));
    model(&config.unwrap(), None, 3).write_folder(&from, &OPTIONS).unwrap();
    quantise(&from, "head=int8", &head, &OPTIONS).unwrap();
    quantise(&head, "attention=int8", &all, &OPTIONS).unwrap();
    for path in [&head, &all] {
        let bytes = &files(path)["model.safetensors"];
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let scales = file.tensor("lm_head.weight_scale").unwrap();
        assert_eq!(scales.data(), file.tensor("model.embed_tokens.weight_scale").unwrap().data());
        assert!(file.tensor("lm_head.weight").is_err());
        let config: Value = serde_json::from_slice(&files(path)["config.json"]).unwrap();
        let targets = &config["quantization_config"]["config_groups"]["group_0"]["targets"];
        let of = |name: &str| targets.as_array().unwrap().contains(&json!(name));
        assert!(of("re:^lm_head$") && of("re:^model\\.embed_tokens$"), "{targets}");
        assert!(Checkpoint::open(path).is_ok());
    }
}

#[test]
fn threads_and_shards_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [from, one, many] = ["from", "one", "many"].map(|name| folder.path().join(name));
    model(&configs()[3], None, 3).write_folder(&from, &OPTIONS).unwrap();
    let reports = quantise(&from, "int8", &one, &OPTIONS).unwrap();
    let options = WriteOptions { threads: 3, max_shard_bytes: 100_000, ..OPTIONS };
    assert_eq!(quantise(&from, "int8", &many, &options).unwrap(), reports);
    assert!(files(&many).len() > files(&one).len() + 2);
    let [one, many] = [one, many].map(|folder| Checkpoint::open(&folder).unwrap());
    for (role, _) in one.spec().tensors() {
        assert_eq!(content(&one, role), content(&many, role), "{role:?}");
    }
    // Experts of a layer are reported as one.
    assert!(reports.iter().any(|report| report.name.contains(".experts.*.")));
}

#[test]
fn what_was_quantised_in_part_can_be_quantised_further() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    model(&configs()[1], None, 3).write_folder(&path("bf16"), &OPTIONS).unwrap();
    quantise(&path("bf16"), "attention=int8", &path("half"), &OPTIONS).unwrap();
    quantise(&path("half"), "int8", &path("all"), &OPTIONS).unwrap();
    quantise(&path("bf16"), "int8", &path("once"), &OPTIONS).unwrap();
    assert!(files(&path("all"))["model.safetensors"] == files(&path("once"))["model.safetensors"]);
    let all = Checkpoint::open(&path("all")).unwrap();
    let error = "int8".parse::<QuantisationRequest>().unwrap();
    assert!(error.resolve(all.spec(), &stored(&all)).is_err());
    let kinds = MatrixKind::ALL.into_iter();
    let bf16 = stored(&all).into_iter().filter(|tensor| {
        kinds.clone().any(|kind| MatrixKind::of(all.spec(), tensor.role) == Some(kind))
            && !tensor.dtype.is_quantised()
    });
    assert_eq!(bf16.count(), 0);
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
    model(&configs()[1], None, 3).write_folder(&from, &OPTIONS).unwrap();
    let stop = WriteOptions { progress: &|_| ControlFlow::Break(()), ..OPTIONS };
    let error = quantise(&from, "int8", &to, &stop).unwrap_err();
    assert!(matches!(error, QuantiseError::Write(WriteError::Interrupted)), "{error}");
    assert!(!to.exists());
    quantise(&from, "int8", &to, &OPTIONS).unwrap();
    let before = files(&to);
    let error = quantise(&from, "mxfp4", &to, &OPTIONS).unwrap_err();
    assert!(matches!(error, QuantiseError::Write(WriteError::Exists { .. })), "{error}");
    assert!(files(&to) == before);
    quantise(&from, "mxfp4", &to, &WriteOptions { force: true, ..OPTIONS }).unwrap();
    assert!(files(&to) != before);
    let error = quantise(&from, "bf16", &to, &OPTIONS).unwrap_err();
    assert!(matches!(error, QuantiseError::Nothing), "{error}");
    let gguf = folder.path().join("model.gguf");
    model(&configs()[1], None, 3).write_gguf(&gguf, &OPTIONS).unwrap();
    let error = quantise(&gguf, "int8", &to, &OPTIONS).unwrap_err();
    assert!(error.to_string().contains("GGUF"), "{error}");
}

/// In a file an empty tensor begins where the next one does.
#[test]
fn an_empty_tensor_hides_no_other() {
    for request in ["head=int8", "attention=int8"] {
        let (folder, to) = (Folder::new(), tempfile::tempdir().unwrap());
        let (config, path) = (folder.path("config.json"), |name: &str| to.path().join(name));
        let from = config.parent().unwrap();
        quantise(from, request, &path("without"), &OPTIONS).unwrap();
        let mut tensors = folder.tensors();
        let empty = (Dtype::F32, vec![0], Vec::new());
        tensors.insert("model.layers.0.self_attn.k_scale".to_owned(), empty);
        folder.store("model.safetensors", &tensors);
        quantise(from, request, &path("with"), &OPTIONS).unwrap();
        let [without, with] = ["without", "with"].map(|name| files(&path(name)));
        assert!(with["model.safetensors"] == without["model.safetensors"], "{request}");
    }
}
