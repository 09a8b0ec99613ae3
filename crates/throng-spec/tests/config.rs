//! `config.json` to a spec: the released models, both spellings of their keys, and everything that
//! is refused.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use throng_spec::{
    Activation, ConfigError, DType, LayerRole, Mixture, ModelSpec, Positions, Role, Rope,
    RopeScaling, Weighting, Yarn,
};

/// gpt-oss-20b's `config.json` as far as it says something of the model.
fn released() -> Value {
    serde_json::from_str(include_str!("data/gpt-oss-20b.json")).unwrap()
}

/// The released config with some values replaced; a path has dots between keys.
fn changed(changes: &[(&str, Value)]) -> Value {
    let mut config = released();
    for (path, value) in changes {
        let pointer = format!("/{}", path.replace('.', "/"));
        match config.pointer_mut(&pointer) {
            Some(place) => *place = value.clone(),
            None => config[*path] = value.clone(),
        }
    }
    config
}

fn error(changes: &[(&str, Value)]) -> String {
    ModelSpec::from_config(&changed(changes)).unwrap_err().to_string()
}

/// Bytes of all tensors as released: matrices of experts in MXFP4, everything else in bf16.
fn released_bytes(spec: &ModelSpec) -> usize {
    let bytes = |(role, shape): &(Role, Vec<usize>)| {
        let dtype = match role {
            Role::Layer(_, LayerRole::GateUp | LayerRole::Down) => DType::Mxfp4,
            _ => DType::Bf16,
        };
        dtype.bytes(shape.iter().product())
    };
    spec.tensors().iter().map(bytes).sum()
}

#[test]
fn the_released_models_have_their_published_sizes() {
    let small = ModelSpec::from_config(&released()).unwrap();
    let large = [("num_hidden_layers", json!(36)), ("num_local_experts", json!(128))];
    let large = ModelSpec::from_config(&changed(&large)).unwrap();
    // `total_size` of both indices of shards.
    assert_eq!(released_bytes(&small), 13_761_264_768);
    assert_eq!(released_bytes(&large), 65_248_815_744);
    // Table 1 of the model card, in units of ten million.
    let tens_of_millions = |count: usize| (count + 5_000_000) / 10_000_000;
    assert_eq!(tens_of_millions(small.parameters()), 2091);
    assert_eq!(tens_of_millions(small.active_parameters()), 361);
    assert_eq!(tens_of_millions(large.parameters()), 11_683);
    assert_eq!(tens_of_millions(large.active_parameters()), 513);
}

#[test]
fn every_number_is_taken_over() {
    let spec = ModelSpec::from_config(&released()).unwrap();
    assert_eq!((spec.hidden, spec.vocab, spec.context), (2880, 201_088, 131_072));
    assert_eq!((spec.heads.query, spec.heads.kv, spec.heads.dim), (64, 8, 64));
    assert_eq!((spec.layers.len(), spec.norm_epsilon), (24, 1e-5));
    let yarn = Yarn {
        factor: 32.0,
        original_context: 4096,
        beta_fast: 32.0,
        beta_slow: 1.0,
        truncate: false,
    };
    let rope = Rope { theta: 150_000.0, scaling: Some(RopeScaling::Yarn(yarn)) };
    assert_eq!(spec.positions, Positions::Rope(rope));
    for (index, layer) in spec.layers.iter().enumerate() {
        assert_eq!(layer.attention.window, (index % 2 == 0).then_some(128));
        let mixture = Mixture { experts: 32, active: 4, weighting: Weighting::Chosen };
        assert_eq!((layer.mlp.mixture, layer.mlp.width), (Some(mixture), 2880));
        let activation = Activation::ClampedSwiGlu { alpha: 1.702, clamp: 7.0 };
        assert_eq!(layer.mlp.activation, activation);
    }
}

#[test]
fn newer_spellings_mean_the_same() {
    let mut newer = released();
    let object = newer.as_object_mut().unwrap();
    let mut rope = object.remove("rope_scaling").unwrap();
    rope["rope_theta"] = object.remove("rope_theta").unwrap();
    rope["attention_factor"] = Value::Null;
    object.insert("rope_parameters".to_owned(), rope);
    object.insert("swiglu_alpha".to_owned(), json!(1.702));
    object.remove("experts_per_token");
    assert_eq!(ModelSpec::from_config(&newer), ModelSpec::from_config(&released()));

    let mut older = released();
    let object = older.as_object_mut().unwrap();
    object.remove("num_experts_per_tok");
    let kind = object["rope_scaling"].as_object_mut().unwrap().remove("rope_type").unwrap();
    object["rope_scaling"]["type"] = kind;
    assert_eq!(ModelSpec::from_config(&older), ModelSpec::from_config(&released()));
}

#[test]
fn layer_types_replace_the_alternation() {
    let types = ["full_attention", "sliding_attention", "sliding_attention"];
    let changes = [
        ("num_hidden_layers", json!(3)),
        ("layer_types", json!(types)),
        ("sliding_window", json!(7)),
        ("rope_scaling", json!({ "rope_type": "default" })),
    ];
    let spec = ModelSpec::from_config(&changed(&changes)).unwrap();
    let windows: Vec<_> = spec.layers.iter().map(|layer| layer.attention.window).collect();
    assert_eq!(windows, [None, Some(7), Some(7)]);
    assert_eq!(spec.positions, Positions::Rope(Rope { theta: 150_000.0, scaling: None }));
}

#[test]
fn an_error_names_key_found_and_expected() {
    assert_eq!(
        error(&[("num_attention_heads", json!(0))]),
        "num_attention_heads is 0, expected a whole number from 1 to 1048576"
    );
    assert_eq!(
        error(&[("rope_scaling.factor", json!("32"))]),
        "rope_scaling.factor is \"32\", expected a number from 1e0 to 1e6"
    );
    assert_eq!(
        error(&[("num_key_value_heads", json!(7))]),
        "num_key_value_heads is 7, expected a divisor of num_attention_heads (64)"
    );
    assert_eq!(
        error(&[("vocab_size", Value::Null)]),
        "vocab_size is missing, expected a whole number from 1 to 1048576"
    );
    assert_eq!(
        error(&[("model_type", json!("mamba"))]),
        "model_type is \"mamba\", supported: gpt_oss, llama, qwen3, qwen3_moe, gpt2"
    );
    assert_eq!(
        ModelSpec::from_config(&json!([1])).unwrap_err().to_string(),
        "the config is a list of 1, expected a JSON object"
    );
}

#[test]
fn numbers_that_lie_are_refused() {
    let refused = [
        ("hidden_size", json!(0)),
        ("hidden_size", json!(2881)),
        ("hidden_size", json!(u64::MAX)),
        ("hidden_size", json!(-32)),
        ("hidden_size", json!(64.5)),
        ("intermediate_size", json!(100)),
        ("vocab_size", json!(1u64 << 21)),
        ("max_position_embeddings", json!(1u64 << 25)),
        ("max_position_embeddings", json!(0)),
        ("num_hidden_layers", json!(0)),
        ("num_hidden_layers", json!(1025)),
        ("num_attention_heads", json!(1 << 20)),
        ("num_key_value_heads", json!(0)),
        ("num_key_value_heads", json!(128)),
        ("head_dim", json!(63)),
        ("num_local_experts", json!(0)),
        ("num_local_experts", json!(3)),
        ("num_local_experts", json!(4097)),
        ("num_experts_per_tok", json!(0)),
        ("num_experts_per_tok", json!(33)),
        ("sliding_window", json!(0)),
        ("sliding_window", json!("128")),
        ("swiglu_limit", json!(-7.0)),
        ("swiglu_limit", json!(1e300)),
        ("rms_norm_eps", json!(0.0)),
        ("rope_theta", json!(1.0)),
        ("rope_scaling", Value::Null),
        ("rope_scaling", json!({})),
        ("rope_scaling.rope_type", json!("linear")),
        ("rope_scaling.factor", json!(0.5)),
        ("rope_scaling.factor", Value::Null),
        ("rope_scaling.beta_fast", json!(1.0)),
        ("rope_scaling.beta_slow", json!(0.0)),
        ("rope_scaling.original_max_position_embeddings", json!(0)),
        ("rope_scaling.truncate", json!("false")),
        ("layer_types", json!(["full_attention"])),
        ("layer_types", json!(vec!["chunked_attention"; 24])),
        ("layer_types", json!(vec![1; 24])),
        ("layer_types", json!("full_attention")),
        ("tie_word_embeddings", json!(true)),
        ("attention_bias", json!(false)),
        ("hidden_act", json!("gelu")),
        ("model_type", json!(7)),
    ];
    for (key, value) in refused {
        let message = error(&[(key, value.clone())]);
        assert!(message.contains(key.rsplit('.').next().unwrap()), "{key} = {value}: {message}");
    }
}

#[test]
fn dimensions_that_are_huge_together_are_refused() {
    let dimension = json!(1 << 20);
    let changes = [
        ("hidden_size", dimension.clone()),
        ("intermediate_size", dimension.clone()),
        ("vocab_size", dimension),
        ("num_local_experts", json!(4096)),
        ("num_hidden_layers", json!(1024)),
    ];
    let error = ModelSpec::from_config(&changed(&changes)).unwrap_err();
    assert!(matches!(error, ConfigError::TooManyParameters { .. }), "{error}");
}

/// Every path that the reader looks at.
fn keys() -> Vec<String> {
    let config = released();
    let names = |prefix: &str, object: &Map<String, Value>| {
        object.keys().map(|key| format!("{prefix}{key}")).collect::<Vec<_>>()
    };
    let mut keys = names("", config.as_object().unwrap());
    keys.extend(names("rope_scaling.", config["rope_scaling"].as_object().unwrap()));
    keys.extend(["layer_types", "rope_parameters", "swiglu_alpha"].map(str::to_owned));
    keys
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0u64..5000).prop_map(Value::from),
        (0u32..64).prop_map(|shift| Value::from(1u64 << shift)),
        ".{0,80}".prop_map(Value::from),
        prop::sample::select(vec!["yarn", "default", "sliding_attention"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop::sample::select(keys());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever stands in a config, it is read or refused, and what is read can be counted.
    #[test]
    fn hostile_configs_never_panic(
        changes in prop::collection::vec((prop::sample::select(keys()), any_json()), 1..5),
    ) {
        let changes: Vec<_> =
            changes.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        match ModelSpec::from_config(&changed(&changes)) {
            Ok(spec) => {
                prop_assert!(spec.parameters() >= spec.active_parameters());
                prop_assert!(spec.heads.query % spec.heads.kv == 0);
                prop_assert!(spec.norm_epsilon.is_finite());
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }

    /// The same for JSON that is no config at all.
    #[test]
    fn any_json_is_read_or_refused(value in any_json()) {
        prop_assert!(ModelSpec::from_config(&value).is_err());
    }
}
