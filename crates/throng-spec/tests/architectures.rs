//! The architectures beside gpt-oss: released models have their published sizes, every switch is
//! read, and whatever a config says is read or refused.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

use proptest::prelude::*;
use serde_json::{Value, json};
use throng_spec::{
    Activation, Biases, Heads, LayerRole, Llama3, Mixture, ModelSpec, Norm, Positions, Role,
    RopeScaling, Weighting,
};

/// SmolLM2-135M's.
fn smollm2() -> Value {
    json!({
        "model_type": "llama", "attention_bias": false, "hidden_act": "silu", "hidden_size": 576,
        "intermediate_size": 1536, "max_position_embeddings": 8192, "mlp_bias": false,
        "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3,
        "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_scaling": null, "rope_theta": 100_000,
        "tie_word_embeddings": true, "vocab_size": 49152,
    })
}

/// Llama 3.2 1B's.
fn llama3() -> Value {
    json!({
        "model_type": "llama", "attention_bias": false, "head_dim": 64, "hidden_act": "silu",
        "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131_072,
        "mlp_bias": false, "num_attention_heads": 32, "num_hidden_layers": 16,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "rope_theta": 500_000.0,
        "rope_scaling": {
            "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
        "tie_word_embeddings": true, "vocab_size": 128_256,
    })
}

/// Qwen3-0.6B's.
fn qwen3() -> Value {
    json!({
        "model_type": "qwen3", "attention_bias": false, "head_dim": 128, "hidden_act": "silu",
        "hidden_size": 1024, "intermediate_size": 3072, "max_position_embeddings": 40960,
        "max_window_layers": 28, "num_attention_heads": 16, "num_hidden_layers": 28,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-6, "rope_scaling": null,
        "rope_theta": 1_000_000, "sliding_window": null, "tie_word_embeddings": true,
        "use_sliding_window": false, "vocab_size": 151_936,
    })
}

/// Qwen3-30B-A3B's.
fn qwen3_moe() -> Value {
    json!({
        "model_type": "qwen3_moe", "attention_bias": false, "decoder_sparse_step": 1,
        "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
        "max_position_embeddings": 40960, "mlp_only_layers": [], "moe_intermediate_size": 768,
        "norm_topk_prob": true, "num_attention_heads": 32, "num_experts": 128,
        "num_experts_per_tok": 8, "num_hidden_layers": 48, "num_key_value_heads": 4,
        "rms_norm_eps": 1e-6, "rope_scaling": null, "rope_theta": 1_000_000.0,
        "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 151_936,
    })
}

/// GPT-2's.
fn gpt2() -> Value {
    json!({
        "model_type": "gpt2", "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
        "n_ctx": 1024, "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024,
        "n_inner": null, "vocab_size": 50257,
    })
}

/// A released config.
type Base = fn() -> Value;

const ALL: [Base; 5] = [smollm2, llama3, qwen3, qwen3_moe, gpt2];

fn changed(mut config: Value, changes: &[(&str, Value)]) -> Value {
    for (path, value) in changes {
        match config.pointer_mut(&format!("/{}", path.replace('.', "/"))) {
            Some(place) => *place = value.clone(),
            None => config[*path] = value.clone(),
        }
    }
    config
}

fn read(config: Value, changes: &[(&str, Value)]) -> ModelSpec {
    ModelSpec::from_config(&changed(config, changes)).unwrap()
}

#[test]
fn released_models_have_their_published_sizes() {
    assert_eq!(read(smollm2(), &[]).parameters(), 134_515_008);
    assert_eq!(read(llama3(), &[]).parameters(), 1_235_814_400);
    assert_eq!(read(qwen3(), &[]).parameters(), 596_049_920);
    assert_eq!(read(qwen3_moe(), &[]).parameters(), 30_532_122_624);
    assert_eq!(read(gpt2(), &[]).parameters(), 124_439_808);
    let xl = [("n_embd", json!(1600)), ("n_head", json!(25)), ("n_layer", json!(48))];
    assert_eq!(read(gpt2(), &xl).parameters(), 1_557_611_200);
    // "3.3B activated": of the embedding one row counts.
    let active = read(qwen3_moe(), &[]).active_parameters();
    assert!((3_000_000_000..3_400_000_000).contains(&active), "{active}");
    // A tied embedding is multiplied with as the head.
    let dense = read(qwen3(), &[]);
    assert_eq!(dense.active_parameters(), dense.parameters());
}

#[test]
fn llama_reads_every_switch() {
    let spec = read(smollm2(), &[]);
    assert_eq!((spec.architecture, spec.context, spec.norm), ("llama", 8192, Norm::Rms));
    assert_eq!(spec.heads, Heads { query: 9, kv: 3, dim: 64 });
    assert_eq!(spec.biases, Biases { qkv: false, output: false, router: false, mlp: false });
    assert!(spec.tied_head && !spec.sinks && !spec.qk_norm);
    let mlp = spec.layers[7].mlp;
    assert_eq!((mlp.width, mlp.activation, mlp.mixture), (1536, Activation::SwiGlu, None));
    let biases = [("attention_bias", json!(true)), ("mlp_bias", json!(true))];
    let biased = read(smollm2(), &biases);
    assert_eq!(biased.biases, Biases { qkv: true, output: true, router: false, mlp: true });
    let shape = vec![2 * 1536];
    assert!(biased.tensors().contains(&(Role::Layer(3, LayerRole::DenseUpBias), shape)));
    let plain = read(smollm2(), &[("num_key_value_heads", Value::Null)]);
    assert_eq!(plain.heads.kv, 9);
}

#[test]
fn positions_scale_as_the_config_says() {
    let scaling = |config, changes: &[(&str, Value)]| match read(config, changes).positions {
        Positions::Rope(rope) => (rope.theta, rope.scaling),
        Positions::Learned => panic!("positions are rotated"),
    };
    let llama3 = Llama3 { factor: 32.0, original_context: 8192, low: 1.0, high: 4.0 };
    assert_eq!(scaling(self::llama3(), &[]), (500_000.0, Some(RopeScaling::Llama3(llama3))));
    assert_eq!(scaling(smollm2(), &[]), (100_000.0, None));
    let linear = json!({ "type": "linear", "factor": 4 });
    let expected = Some(RopeScaling::Linear { factor: 4.0 });
    assert_eq!(scaling(smollm2(), &[("rope_scaling", linear)]), (100_000.0, expected));
    let newer = json!({ "rope_type": "default", "rope_theta": 5000.0 });
    assert_eq!(scaling(qwen3(), &[("rope_parameters", newer)]), (5000.0, None));
    assert_eq!(read(gpt2(), &[]).positions, Positions::Learned);
}

#[test]
fn qwen3_norms_heads_and_chooses_experts() {
    let dense = read(qwen3(), &[("head_dim", Value::Null)]);
    assert!(dense.qk_norm && dense.tied_head);
    assert_eq!(dense.heads, Heads { query: 16, kv: 8, dim: 128 });
    let changes = [
        ("num_hidden_layers", json!(6)),
        ("decoder_sparse_step", json!(2)),
        ("mlp_only_layers", json!([3])),
        ("norm_topk_prob", json!(false)),
    ];
    let spec = read(qwen3_moe(), &changes);
    let mixture = Mixture { experts: 128, active: 8, weighting: Weighting::All };
    let mixtures: Vec<_> = spec.layers.iter().map(|layer| layer.mlp.mixture).collect();
    assert_eq!(mixtures, [None, Some(mixture), None, None, None, Some(mixture)]);
    let widths: Vec<_> = spec.layers.iter().map(|layer| layer.mlp.width).collect();
    assert_eq!(widths, [6144, 768, 6144, 6144, 6144, 768]);
    let normalised = read(qwen3_moe(), &[]).layers[0].mlp.mixture.unwrap();
    assert_eq!(normalised.weighting, Weighting::Chosen);
}

#[test]
fn gpt2_has_norms_with_biases_and_learned_positions() {
    let spec = read(gpt2(), &[("activation_function", json!("gelu_pytorch_tanh"))]);
    assert_eq!((spec.norm, spec.norm_epsilon, spec.tied_head), (Norm::Layer, 1e-5, true));
    assert_eq!(spec.biases, Biases { qkv: true, output: true, router: false, mlp: true });
    assert_eq!(spec.layers[0].mlp.activation, Activation::GeluTanh);
    let tensors = spec.tensors();
    assert!(tensors.contains(&(Role::Positions, vec![1024, 768])));
    assert!(tensors.contains(&(Role::FinalNormBias, vec![768])));
    assert!(tensors.contains(&(Role::Layer(11, LayerRole::DenseUp), vec![3072, 768])));
    assert!(!tensors.iter().any(|(role, _)| *role == Role::Head));
    assert_eq!(read(gpt2(), &[("n_inner", json!(100))]).layers[0].mlp.width, 100);
}

#[test]
fn numbers_that_lie_are_refused() {
    let refused: [(Base, &str, Value); 31] = [
        (smollm2, "hidden_size", json!(575)),
        (smollm2, "hidden_size", json!(0)),
        (smollm2, "intermediate_size", json!(1 << 20)),
        (smollm2, "num_key_value_heads", json!(4)),
        (smollm2, "head_dim", json!(63)),
        (smollm2, "hidden_act", json!("gelu")),
        (smollm2, "attention_bias", json!("no")),
        (smollm2, "tie_word_embeddings", json!(1)),
        (smollm2, "rope_scaling", json!({ "rope_type": "dynamic", "factor": 2.0 })),
        (smollm2, "rope_scaling", json!({ "rope_type": "linear" })),
        (llama3, "rope_scaling.factor", json!(0.5)),
        (llama3, "rope_scaling.low_freq_factor", Value::Null),
        (llama3, "rope_scaling.low_freq_factor", json!(0)),
        (llama3, "rope_scaling.high_freq_factor", json!(1.0)),
        (llama3, "rope_scaling.original_max_position_embeddings", json!(0)),
        (qwen3, "use_sliding_window", json!(true)),
        (qwen3, "layer_types", json!(["sliding_attention"])),
        (qwen3, "mlp_bias", json!(true)),
        (qwen3_moe, "num_experts", json!(0)),
        (qwen3_moe, "num_experts", json!(7)),
        (qwen3_moe, "num_experts_per_tok", json!(129)),
        (qwen3_moe, "decoder_sparse_step", json!(0)),
        (qwen3_moe, "mlp_only_layers", json!([48])),
        (qwen3_moe, "mlp_only_layers", json!({})),
        (qwen3_moe, "mlp_only_layers", json!([-1])),
        (gpt2, "n_head", json!(7)),
        (gpt2, "n_head", json!(256)),
        (gpt2, "n_positions", json!(1 << 21)),
        (gpt2, "activation_function", json!("relu")),
        (gpt2, "scale_attn_by_inverse_layer_idx", json!(true)),
        (gpt2, "n_inner", json!(0)),
    ];
    for (config, key, value) in refused {
        let config = changed(config(), &[(key, value.clone())]);
        let message = ModelSpec::from_config(&config).unwrap_err().to_string();
        let names = [key.rsplit('.').next().unwrap(), "num_attention_heads", "rope_type", "factor"];
        assert!(names.iter().any(|name| message.contains(name)), "{key} = {value}: {message}");
    }
}

/// A config and some of its keys, or of those that it could have.
fn base() -> impl Strategy<Value = (Value, Vec<String>)> {
    prop::sample::select(ALL.to_vec()).prop_map(|config| {
        let config = config();
        let mut keys: Vec<_> = config.as_object().unwrap().keys().cloned().collect();
        let more = ["rope_parameters", "layer_types", "scale_attn_weights", "mlp_bias", "head_dim"];
        keys.extend(more.map(str::to_owned));
        if let Some(scaling) = config["rope_scaling"].as_object() {
            keys.extend(scaling.keys().map(|key| format!("rope_scaling.{key}")));
        }
        (config, keys)
    })
}

fn any_json() -> impl Strategy<Value = Value> {
    let kinds = vec!["linear", "llama3", "yarn", "default", "full_attention", "gelu_new"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..5000).prop_map(Value::from),
        (0u32..64).prop_map(|shift| Value::from(1u64 << shift)),
        ".{0,80}".prop_map(Value::from),
        prop::sample::select(kinds).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let keys = vec!["rope_type", "type", "factor", "rope_theta", "low_freq_factor"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(keys), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1024)
    })]

    /// Whatever stands in a config, it is read or refused, and what is read can be counted.
    #[test]
    fn hostile_configs_never_panic(
        (config, keys) in base(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..5),
    ) {
        let changes: Vec<_> = changes
            .iter()
            .map(|(index, value)| (index.get(&keys).as_str(), value.clone()))
            .collect();
        match ModelSpec::from_config(&changed(config, &changes)) {
            Ok(spec) => {
                prop_assert!(spec.parameters() >= spec.active_parameters());
                prop_assert!(spec.heads.query % spec.heads.kv == 0 && spec.heads.dim % 2 == 0);
                for mlp in spec.layers.iter().map(|layer| layer.mlp) {
                    prop_assert!(mlp.active() <= mlp.experts() && mlp.width > 0);
                }
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}
