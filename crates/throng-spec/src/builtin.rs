//! Released models by name, so that a shape can be looked at, planned for or synthesised without its
//! weights: what each one's `config.json` says of the model, as its makers published it.

use serde_json::{Value, json};

/// One released model: its name, and the numbers that set it apart from its family.
enum Shape {
    /// `n_embd`, `n_head`, `n_layer`.
    Gpt2(usize, usize, usize),
    /// `num_hidden_layers`, `num_local_experts`.
    GptOss(usize, usize),
    /// `hidden_size`, `intermediate_size`, `num_hidden_layers`, `num_attention_heads`,
    /// `tie_word_embeddings`.
    Qwen3(usize, usize, usize, usize, bool),
    /// `hidden_size`, `intermediate_size`, `moe_intermediate_size`, `num_hidden_layers`,
    /// `num_attention_heads`.
    Qwen3Moe(usize, usize, usize, usize, usize),
    /// `hidden_size`, `intermediate_size`, `num_hidden_layers`, `num_attention_heads`, `factor` of
    /// `rope_scaling`, `tie_word_embeddings`.
    Llama3(usize, usize, usize, usize, f32, bool),
    /// `hidden_size`, `intermediate_size`, `num_hidden_layers`, `num_attention_heads`,
    /// `num_key_value_heads`, `rope_theta`.
    SmolLm2(usize, usize, usize, usize, usize, u32),
}

/// Sorted by family and size, as they are listed to people.
const TABLE: &[(&str, Shape)] = &[
    ("gpt2", Shape::Gpt2(768, 12, 12)),
    ("gpt2-medium", Shape::Gpt2(1024, 16, 24)),
    ("gpt2-large", Shape::Gpt2(1280, 20, 36)),
    ("gpt2-xl", Shape::Gpt2(1600, 25, 48)),
    ("gpt-oss-20b", Shape::GptOss(24, 32)),
    ("gpt-oss-120b", Shape::GptOss(36, 128)),
    ("qwen3-0.6b", Shape::Qwen3(1024, 3072, 28, 16, true)),
    ("qwen3-1.7b", Shape::Qwen3(2048, 6144, 28, 16, true)),
    ("qwen3-4b", Shape::Qwen3(2560, 9728, 36, 32, true)),
    ("qwen3-8b", Shape::Qwen3(4096, 12288, 36, 32, false)),
    ("qwen3-14b", Shape::Qwen3(5120, 17408, 40, 40, false)),
    ("qwen3-32b", Shape::Qwen3(5120, 25600, 64, 64, false)),
    ("qwen3-30b-a3b", Shape::Qwen3Moe(2048, 6144, 768, 48, 32)),
    ("qwen3-235b-a22b", Shape::Qwen3Moe(4096, 12288, 1536, 94, 64)),
    ("llama-3.2-1b", Shape::Llama3(2048, 8192, 16, 32, 32.0, true)),
    ("llama-3.1-8b", Shape::Llama3(4096, 14336, 32, 32, 8.0, false)),
    ("llama-3.1-70b", Shape::Llama3(8192, 28672, 80, 64, 8.0, false)),
    ("smollm2-135m", Shape::SmolLm2(576, 1536, 30, 9, 3, 100_000)),
    ("smollm2-360m", Shape::SmolLm2(960, 2560, 32, 15, 5, 100_000)),
    ("smollm2-1.7b", Shape::SmolLm2(2048, 8192, 24, 32, 32, 130_000)),
];

/// The names, by family and size.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    TABLE.iter().map(|&(name, _)| name)
}

/// The `config.json` of a released model: what decides its shape, its special tokens and its stored
/// dtypes. Case does not matter. `None` for a name that is not among [`names`].
pub fn config(name: &str) -> Option<Value> {
    let (_, shape) = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(match *shape {
        Shape::Gpt2(width, heads, layers) => gpt2(width, heads, layers),
        Shape::GptOss(layers, experts) => gpt_oss(layers, experts),
        Shape::Qwen3(hidden, inner, layers, heads, tied) => {
            qwen3("qwen3", "Qwen3ForCausalLM", (hidden, inner), layers, (heads, 8), tied)
        }
        Shape::Qwen3Moe(hidden, inner, expert, layers, heads) => {
            let class = "Qwen3MoeForCausalLM";
            let dense = qwen3("qwen3_moe", class, (hidden, inner), layers, (heads, 4), false);
            with_experts(dense, expert)
        }
        Shape::Llama3(hidden, inner, layers, heads, factor, tied) => {
            llama3((hidden, inner), layers, heads, factor, tied)
        }
        Shape::SmolLm2(hidden, inner, layers, heads, kv_heads, theta) => {
            smollm2((hidden, inner), layers, (heads, kv_heads), theta)
        }
    })
}

/// GPT-2 (OpenAI 2019). Stored in f32, which is what a config without `torch_dtype` means.
fn gpt2(width: usize, heads: usize, layers: usize) -> Value {
    json!({
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "attn_pdrop": 0.1,
        "embd_pdrop": 0.1,
        "resid_pdrop": 0.1,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-5,
        "n_ctx": 1024,
        "n_embd": width,
        "n_head": heads,
        "n_layer": layers,
        "n_positions": 1024,
        "vocab_size": 50257,
        "bos_token_id": 50256,
        "eos_token_id": 50256,
    })
}

/// gpt-oss (OpenAI 2025).
fn gpt_oss(layers: usize, experts: usize) -> Value {
    let kinds = ["sliding_attention", "full_attention"];
    let kinds: Vec<_> = kinds.into_iter().cycle().take(layers).collect();
    json!({
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "attention_bias": true,
        "attention_dropout": 0.0,
        "experts_per_token": 4,
        "head_dim": 64,
        "hidden_act": "silu",
        "hidden_size": 2880,
        "initial_context_length": 4096,
        "initializer_range": 0.02,
        "intermediate_size": 2880,
        "layer_types": kinds,
        "max_position_embeddings": 131_072,
        "num_attention_heads": 64,
        "num_experts_per_tok": 4,
        "num_hidden_layers": layers,
        "num_key_value_heads": 8,
        "num_local_experts": experts,
        "output_router_logits": false,
        "quantization_config": {
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
            "quant_method": "mxfp4",
        },
        "rms_norm_eps": 1e-5,
        "rope_scaling": {
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "factor": 32.0,
            "original_max_position_embeddings": 4096,
            "rope_type": "yarn",
            "truncate": false,
        },
        "rope_theta": 150_000,
        "router_aux_loss_coef": 0.9,
        "sliding_window": 128,
        "swiglu_limit": 7.0,
        "tie_word_embeddings": false,
        "use_cache": true,
        "vocab_size": 201_088,
        "eos_token_id": 200_002,
        "pad_token_id": 199_999,
    })
}

/// Qwen3 (Alibaba 2025), dense, and what its mixtures have in common with it.
fn qwen3(
    model_type: &str,
    class: &str,
    (hidden, inner): (usize, usize),
    layers: usize,
    (heads, kv_heads): (usize, usize),
    tied: bool,
) -> Value {
    json!({
        "architectures": [class],
        "model_type": model_type,
        "attention_bias": false,
        "attention_dropout": 0.0,
        "head_dim": 128,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": inner,
        "max_position_embeddings": 40960,
        "max_window_layers": layers,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "rms_norm_eps": 1e-6,
        "rope_scaling": null,
        "rope_theta": 1_000_000,
        "sliding_window": null,
        "tie_word_embeddings": tied,
        "torch_dtype": "bfloat16",
        "use_cache": true,
        "use_sliding_window": false,
        "vocab_size": 151_936,
        "bos_token_id": 151_643,
        "eos_token_id": 151_645,
    })
}

/// Qwen3-MoE: a mixture in every layer.
fn with_experts(mut dense: Value, width: usize) -> Value {
    for (key, value) in [
        ("decoder_sparse_step", json!(1)),
        ("mlp_only_layers", json!([])),
        ("moe_intermediate_size", json!(width)),
        ("norm_topk_prob", json!(true)),
        ("num_experts", json!(128)),
        ("num_experts_per_tok", json!(8)),
        ("output_router_logits", json!(false)),
        ("router_aux_loss_coef", json!(0.001)),
    ] {
        dense[key] = value;
    }
    dense
}

/// Llama 3.1 and 3.2 (Meta 2024), the base models.
fn llama3(
    (hidden, inner): (usize, usize),
    layers: usize,
    heads: usize,
    factor: f32,
    tied: bool,
) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": false,
        "attention_dropout": 0.0,
        "head_dim": hidden / heads,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "initializer_range": 0.02,
        "intermediate_size": inner,
        "max_position_embeddings": 131_072,
        "mlp_bias": false,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": 8,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-5,
        "rope_scaling": {
            "factor": factor,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
        "rope_theta": 500_000.0,
        "tie_word_embeddings": tied,
        "torch_dtype": "bfloat16",
        "use_cache": true,
        "vocab_size": 128_256,
        "bos_token_id": 128_000,
        "eos_token_id": 128_001,
    })
}

/// SmolLM2 (Hugging Face 2024), the base models.
fn smollm2(
    (hidden, inner): (usize, usize),
    layers: usize,
    (heads, kv_heads): (usize, usize),
    theta: u32,
) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": false,
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": inner,
        "max_position_embeddings": 8192,
        "mlp_bias": false,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-5,
        "rope_interleaved": false,
        "rope_scaling": null,
        "rope_theta": theta,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
        "use_cache": true,
        "vocab_size": 49152,
        "bos_token_id": 0,
        "eos_token_id": 0,
    })
}
