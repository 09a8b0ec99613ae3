//! Folders whose weights are FP8: read in every form of scales, and quantised further.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use common::Folder;
use common::fp8::{QUERY, compressed, fp8, matrix, with_scales};
use common::quantised::{quantise, resolved, stored};
use common::random::{OPTIONS, files, model};
use safetensors::Dtype;
use serde_json::{Value, json};
use throng_checkpoint::Checkpoint;
use throng_spec::{DType, LayerRole, QuantisationRequest, Role, ScaleGrid};
use throng_testkit::configs;

const ROLE: Role = Role::Layer(0, LayerRole::Query);

/// Configs, how scales are named and shaped by them, and the rectangles that these are of.
fn forms() -> Vec<(Value, &'static str, Vec<usize>, [usize; 2])> {
    let [rows, cols] = matrix();
    let [down, across] = [rows.div_ceil(48), cols.div_ceil(24)];
    let strategy = |name: &str| compressed(json!({ "strategy": name }));
    vec![
        (fp8(json!([48, 24])), "_scale_inv", vec![down, across], [48, 24]),
        (fp8(json!([48, 24])), "_scale", vec![down, across], [48, 24]),
        (fp8(Value::Null), "_scale", vec![1], [rows, cols]),
        (fp8(Value::Null), "_scale_inv", vec![], [rows, cols]),
        (strategy("tensor"), "_scale", vec![1], [rows, cols]),
        (strategy("channel"), "_scale", vec![rows, 1], [1, cols]),
        (strategy("channel"), "_scale", vec![rows], [1, cols]),
        (
            compressed(json!({ "strategy": "group", "group_size": 16 })),
            "_scale",
            vec![rows, cols / 16],
            [1, 16],
        ),
        (
            compressed(json!({ "strategy": "block", "block_structure": "48x24" })),
            "_scale",
            vec![down, across],
            [48, 24],
        ),
        (
            compressed(json!({ "strategy": "block", "block_structure": [48, 24] })),
            "_scale",
            vec![down, across],
            [48, 24],
        ),
    ]
}

#[test]
fn every_form_of_scales_is_read() {
    for (config, end, shape, [rows, cols]) in forms() {
        let checkpoint = with_scales(config.clone(), end, &shape).open().unwrap();
        let tensor = checkpoint.tensor(ROLE);
        let grid = ScaleGrid { dtype: DType::F32, rows, cols };
        assert_eq!((tensor.dtype, tensor.grid), (DType::Fp8, Some(grid)), "{config}");
        assert_eq!(tensor.scales.len(), grid.bytes(matrix()));
        assert_eq!(tensor.data.len(), matrix().iter().product::<usize>());
        let all = stored(&checkpoint);
        let query = all.iter().find(|tensor| tensor.role == ROLE).unwrap();
        assert_eq!(query.bytes(), tensor.data.len() + tensor.scales.len());
    }
}

#[test]
fn what_is_fp8_can_be_quantised_further() {
    for (config, end, shape, _) in forms() {
        let folder = with_scales(config.clone(), end, &shape);
        let to = tempfile::tempdir().unwrap();
        let (from, path) = (folder.path(""), |name: &str| to.path().join(name));
        let before = folder.open().unwrap();
        let values = |checkpoint: &Checkpoint| {
            let tensor = checkpoint.tensor(ROLE);
            let (grid, [_, cols]) = (tensor.grid.unwrap(), matrix());
            let mut out = vec![0.0; tensor.data.len()];
            let rows = tensor.data.chunks(cols).zip(out.chunks_mut(cols)).enumerate();
            rows.for_each(|(row, (codes, out))| {
                grid.decode(codes, grid.of_row(tensor.scales, row, cols), out);
            });
            out
        };

        // What stays FP8 is the same under the names of compressed-tensors.
        quantise(&from, "head=int8", &path("head"), &OPTIONS).unwrap();
        let head = Checkpoint::open(&path("head")).unwrap();
        assert_eq!(values(&head), values(&before), "{config}");
        let said: Value =
            serde_json::from_slice(&std::fs::read(path("head").join("config.json")).unwrap())
                .unwrap();
        let groups = said["quantization_config"]["config_groups"].as_object().unwrap();
        let pattern = json!("re:^model\\.layers\\.\\d+\\.self_attn\\.q_proj$");
        assert!(
            groups.values().any(|group| group["weights"]["type"] == "float"
                && group["weights"]["num_bits"] == 8
                && group["targets"] == json!([pattern])),
            "{said}"
        );

        // In 16 bits it says no more of it: 0.5 and its multiples by codes are exact.
        quantise(&from, "attention=bf16", &path("bf16"), &OPTIONS).unwrap();
        let bf16 = Checkpoint::open(&path("bf16")).unwrap();
        let wide = bf16.tensor(ROLE).data.as_chunks().0;
        let wide: Vec<f32> = wide.iter().map(|&[a, b]| f32::from_le_bytes([0, 0, a, b])).collect();
        assert_eq!(wide, values(&before));

        let reports = quantise(&from, "attention=int8", &path("int8"), &OPTIONS).unwrap();
        let query = reports.iter().find(|report| report.name == QUERY).unwrap();
        let tensor = before.tensor(ROLE);
        assert_eq!((query.from, query.to), (DType::Fp8, DType::Q8_0));
        assert_eq!(query.bytes_before, (tensor.data.len() + tensor.scales.len()) as u64);
        assert!((0.0001..0.02).contains(&query.deviation.relative_rms()), "{query:?}");
        let int8 = Checkpoint::open(&path("int8")).unwrap();
        assert_eq!(int8.tensor(ROLE).dtype, DType::Q8_0);
        let asked = |checkpoint: &Checkpoint| {
            let request: QuantisationRequest = "attention=mxfp4".parse().unwrap();
            request.resolve(checkpoint.spec(), &stored(checkpoint))
        };
        assert!(asked(&before).is_ok() && asked(&int8).is_err(), "INT8 is not quantised again");
        let counted = resolved(&before, "attention=int8").apply(before.spec(), &stored(&before));
        let query = counted.iter().find(|tensor| tensor.role == ROLE).unwrap();
        assert_eq!(query.bytes(), matrix().iter().product::<usize>() / 32 * 34);
    }
}

/// In Python the embedding and the head are two modules, each with the scales of the same values.
#[test]
fn scales_of_a_tied_head_may_be_there_again() {
    let tied = configs().into_iter().find(|config| config["tie_word_embeddings"] == true).unwrap();
    let (folder, from) = (Folder::new(), tempfile::tempdir().unwrap());
    model(&tied, None, 3).write_folder(&from.path().join("from"), &OPTIONS).unwrap();
    for (name, content) in files(&from.path().join("from")) {
        folder.write(&name, content);
    }
    folder.set("config.json", "quantization_config", fp8(Value::Null));
    let sound = folder.tensors();
    for end in ["_scale", "_scale_inv"] {
        let mut tensors = sound.clone();
        let (dtype, shape, data) = tensors.get_mut("model.embed_tokens.weight").unwrap();
        (*dtype, *data) = (Dtype::F8_E4M3, vec![0x38; shape.iter().product()]);
        for module in ["model.embed_tokens", "lm_head"] {
            let scale = (Dtype::F32, vec![1], 1f32.to_le_bytes().to_vec());
            tensors.insert(format!("{module}.weight{end}"), scale);
        }
        folder.store("model.safetensors", &tensors);
        assert_eq!(folder.open().unwrap().tensor(Role::Embedding).dtype, DType::Fp8);
    }
}
