//! What can be quantised, what was asked for, and what is refused.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

use throng_spec::{
    DType, LayerRole, MatrixKind, ModelSpec, QuantisationError, QuantisationRequest, Role, Stored,
    WeightType, builtin,
};

fn spec(name: &str) -> ModelSpec {
    ModelSpec::from_config(&builtin::config(name).unwrap()).unwrap()
}

fn request(text: &str) -> QuantisationRequest {
    text.parse().unwrap()
}

/// Bytes by dtype of what a request makes of a released model.
fn dtypes(name: &str, text: &str) -> Vec<(DType, usize)> {
    let spec = spec(name);
    let quantisation = request(text).resolve(&spec, &spec.released()).unwrap();
    throng_spec::bytes_by_dtype(&quantisation.apply(&spec, &spec.released()))
}

#[test]
fn a_type_alone_is_for_what_is_not_quantised() {
    let spec = spec("gpt-oss-20b");
    let quantisation = request("int8").resolve(&spec, &spec.released()).unwrap();
    let types = MatrixKind::ALL.map(|kind| quantisation.of(kind));
    assert_eq!(types, [Some(WeightType::Int8), Some(WeightType::Int8), None]);
    assert_eq!(quantisation.to_string(), "int8 attention, int8 head");
    let dtype = |role| quantisation.dtype(&spec, role);
    assert_eq!(dtype(Role::Layer(3, LayerRole::Output)), Some(DType::Q8_0));
    assert_eq!(dtype(Role::Head), Some(DType::Q8_0));
    let layer = |role| Role::Layer(0, role);
    for role in [
        Role::Embedding,
        Role::FinalNorm,
        layer(LayerRole::Router),
        layer(LayerRole::GateUp),
        layer(LayerRole::QueryBias),
        layer(LayerRole::Sinks),
    ] {
        assert_eq!(dtype(role), None, "{role:?}");
    }
    // Of a dense model it is all matrices.
    let dtypes: Vec<DType> = dtypes("qwen3-8b", "int8").iter().map(|each| each.0).collect();
    assert_eq!(dtypes, [DType::Q8_0, DType::Bf16]);
}

#[test]
fn bytes_are_those_of_the_types() {
    let spec = spec("gpt-oss-20b");
    let values = |kind| -> usize {
        let tensors = spec.tensors().into_iter();
        let own = tensors.filter(|(role, _)| MatrixKind::of(&spec, *role) == Some(kind));
        own.map(|(_, shape)| shape.iter().product::<usize>()).sum()
    };
    let found = dtypes("gpt-oss-20b", "attention=int8,head=mxfp4");
    let of = |dtype| found.iter().find(|(each, _)| *each == dtype).unwrap().1;
    assert_eq!(of(DType::Q8_0), values(MatrixKind::Attention) / 32 * 34);
    let mxfp4 = values(MatrixKind::Head) + values(MatrixKind::Experts);
    assert_eq!(of(DType::Mxfp4), mxfp4 / 32 * 17);
}

#[test]
fn a_tied_embedding_is_the_head() {
    let spec = spec("smollm2-135m");
    let quantisation = request("head=int8").resolve(&spec, &spec.released()).unwrap();
    assert_eq!(quantisation.dtype(&spec, Role::Embedding), Some(DType::Q8_0));
}

#[test]
fn what_is_quantised_is_not_quantised_again() {
    let spec = spec("gpt-oss-20b");
    let refused = |text: &str, tensors: &[Stored]| {
        request(text).resolve(&spec, tensors).unwrap_err().to_string()
    };
    let message = refused("experts=int8", &spec.released());
    assert!(message.contains("experts") && message.contains("mxfp4"), "{message}");
    let all = request("int8").resolve(&spec, &spec.released()).unwrap();
    let all = all.apply(&spec, &spec.released());
    assert!(refused("int8", &all).contains("nothing is left"));
    assert!(refused("attention=mxfp4", &all).contains("stored as q8_0"));
}

#[test]
fn rows_must_be_whole_blocks() {
    let mut config = builtin::config("llama-3.2-1b").unwrap();
    config["hidden_size"] = 2000.into();
    config["num_attention_heads"] = 25.into();
    config["num_key_value_heads"] = 5.into();
    config["head_dim"] = 80.into();
    let spec = ModelSpec::from_config(&config).unwrap();
    let error = request("int8").resolve(&spec, &spec.released()).unwrap_err();
    assert!(
        matches!(error, QuantisationError::RowLength { found: 2000, block: 32, .. }),
        "{error}"
    );
    // 16 bits have no blocks.
    assert!(request("bf16").resolve(&spec, &spec.released()).is_ok());
}

#[test]
fn requests_are_read_as_they_are_written() {
    let both = request("mxfp4,attention=int8");
    assert_eq!(both.kinds, [Some(WeightType::Int8), None, None]);
    assert_eq!(both.others, Some(WeightType::Mxfp4));
    for (text, what) in [
        ("int4", "\"int4\""),
        ("", "\"\""),
        ("attention=fp8", "int8 is the type to take"),
        ("attention=", "\"\""),
        ("router=int8", "\"router\""),
        ("int8,", "\"\""),
        ("head=int8,head=int8", "head has two types"),
        ("int8,mxfp4", "all has two types"),
        ("attention:int8", "attention:int8"),
    ] {
        let error = text.parse::<QuantisationRequest>().unwrap_err();
        assert!(error.to_string().contains(what), "{text}: {error}");
        assert!(!error.hint().is_empty());
    }
}
