//! Counts against what model cards and papers publish, and against counting by hand.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

use proptest::prelude::*;
use throng_spec::{
    DType, KvBytes, KvDtype, ModelSpec, Parameters, Part, StepBytes, Stored, builtin,
    bytes_by_dtype, distinct_experts,
};

fn spec(name: &str) -> ModelSpec {
    ModelSpec::from_config(&builtin::config(name).unwrap()).unwrap()
}

fn bytes(tensors: &[Stored]) -> usize {
    tensors.iter().map(Stored::bytes).sum()
}

#[test]
fn checkpoints_have_as_many_bytes_as_released() {
    // `metadata.total_size` of each one's `model.safetensors.index.json`.
    for (name, published) in [
        ("gpt-oss-20b", 13_761_264_768),
        ("gpt-oss-120b", 65_248_815_744),
        ("qwen3-30b-a3b", 61_064_245_248),
        ("qwen3-8b", 16_381_470_720),
        ("llama-3.1-8b", 16_060_522_496),
    ] {
        assert_eq!(bytes(&spec(name).released()), published, "{name}");
    }
    let by_dtype = bytes_by_dtype(&spec("gpt-oss-20b").released());
    assert_eq!(by_dtype, [(DType::Mxfp4, 10_152_345_600), (DType::Bf16, 3_608_919_168)]);
    let gpt2 = spec("gpt2-xl");
    assert_eq!(bytes_by_dtype(&gpt2.released()), [(DType::F32, 4 * gpt2.parameters())]);
}

/// Billions with two decimals, as OpenAI's model card prints them.
fn billions(parameters: usize) -> String {
    format!("{:.2}", parameters as f64 / 1e9)
}

#[test]
fn gpt_oss_splits_as_its_model_card_says() {
    let table = [
        ("gpt-oss-120b", "114.71", "0.96", "1.16", "5.13", "116.83"),
        ("gpt-oss-20b", "19.12", "0.64", "1.16", "3.61", "20.91"),
    ];
    for (name, mlp, attention, embeddings, active, total) in table {
        let spec = spec(name);
        let of = |part| spec.parameters_of(part).total;
        assert_eq!(billions(of(Part::Mlp)), mlp, "{name}");
        assert_eq!(billions(of(Part::Attention)), attention, "{name}");
        assert_eq!(billions(of(Part::Embedding) + of(Part::Head)), embeddings, "{name}");
        assert_eq!(billions(spec.active_parameters()), active, "{name}");
        assert_eq!(billions(spec.parameters()), total, "{name}");
    }
}

#[test]
fn active_parameters_of_others() {
    // Qwen publishes 3.3 and 22 billion, the embedding among them, which is 0.3 and 0.6.
    for (name, published) in [("qwen3-30b-a3b", 3.3e9), ("qwen3-235b-a22b", 22e9)] {
        let spec = spec(name);
        let active = spec.active_parameters() + spec.parameters_of(Part::Embedding).total;
        assert!((active as f64 / published - 1.0).abs() < 0.02, "{name}: {active}");
    }
    // A dense model uses all but the rows of positions that it is not at.
    let gpt2 = spec("gpt2-xl");
    assert_eq!(gpt2.active_parameters(), gpt2.parameters() - 1023 * 1600);
    let embedding = Parameters { total: (50257 + 1024) * 1600, active: (50257 + 1) * 1600 };
    assert_eq!(gpt2.parameters_of(Part::Embedding), embedding);
}

#[test]
fn kv_bytes_with_and_without_windows() {
    let kv = |name: &str, dtype| spec(name).kv_bytes(dtype);
    let gpt_oss = KvBytes { token: 24_576, sequence: 3 << 20, token_without_windows: 49_152 };
    assert_eq!(kv("gpt-oss-20b", KvDtype::Bf16), gpt_oss);
    let half = KvBytes { token: 12_288, sequence: 3 << 19, token_without_windows: 24_576 };
    assert_eq!(kv("gpt-oss-20b", KvDtype::Fp8), half);
    // 64 integers and a scale.
    assert_eq!(kv("gpt-oss-20b", KvDtype::Int8).token, 12 * 2 * 8 * 66);
    let llama = KvBytes { token: 131_072, sequence: 0, token_without_windows: 131_072 };
    assert_eq!(kv("llama-3.1-8b", KvDtype::Bf16), llama);
    assert_eq!(kv("gpt2", KvDtype::F32).token, 12 * 2 * 768 * 4);
}

#[test]
fn multiply_accumulates_by_hand() {
    let gpt2 = spec("gpt2");
    assert_eq!(gpt2.linear_macs(), 12 * 12 * 768 * 768 + 50257 * 768);
    assert_eq!(gpt2.attention_macs(100), 12 * 2 * 768 * 100);
    let gpt_oss = spec("gpt-oss-20b");
    let layer = 2880 * (4096 + 2 * 512 + 4096 + 32) + 4 * 3 * 2880 * 2880;
    assert_eq!(gpt_oss.linear_macs(), 24 * layer + 201_088 * 2880);
    assert_eq!(gpt_oss.attention_macs(1000), 2 * 4096 * 12 * (1000 + 128));
    assert_eq!(gpt_oss.attention_macs(100), 2 * 4096 * 24 * 100);
}

#[test]
fn a_step_of_gpt_oss_reads_attention_experts_and_head() {
    let spec = spec("gpt-oss-20b");
    let step =
        |users, context| StepBytes::of(&spec, &spec.released(), users, context, KvDtype::Bf16);
    let one = step(1, 1000);
    // Four experts of each layer, a row of the embedding, windows of 128 in every other layer.
    assert_eq!(one.experts, 24 * 4 * 13_236_480);
    assert_eq!(one.embeddings, 2 * 2880);
    assert_eq!(one.kv, 24_576 * 1000 + (3 << 20));
    let of = |part| 2 * spec.parameters_of(part).total;
    let routers = 2 * 24 * (32 * 2881 + 2880);
    assert_eq!(one.dense, of(Part::Attention) + of(Part::Head) + routers);
    let many = step(64, 1000);
    assert_eq!((many.dense, many.kv), (one.dense, 64 * one.kv));
    let total: usize = spec.released().iter().map(Stored::bytes).sum();
    assert!(many.dense + many.experts < total && step(10_000, 1).experts > 10_165_000_000);
    let fast = one.tokens_per_second(1, 50e9);
    assert!((fast - 50e9 / one.total() as f64).abs() < 1e-9);
}

#[test]
fn a_tied_embedding_is_read_whole_and_once() {
    let spec = spec("gpt2");
    let step = StepBytes::of(&spec, &spec.released(), 3, 10, KvDtype::Bf16);
    assert_eq!(step.embeddings, 3 * 4 * 768);
    assert_eq!(step.dense, 4 * (spec.parameters() - 1024 * 768));
    assert_eq!(step.experts, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn distinct_experts_grow_to_all(experts in 1usize..200, active in 1usize..200, tokens in 1usize..200) {
        let active = active.min(experts);
        let used = |tokens| distinct_experts(experts, active, tokens);
        prop_assert!((used(1) - active as f64).abs() < 1e-9);
        prop_assert!(used(tokens) <= used(tokens + 1) && used(tokens) <= experts as f64);
        prop_assert!((used(1_000_000) - experts as f64).abs() < 1e-9);
    }
}
