//! The smallest config of each architecture that has all its parts.

use serde_json::{Value, json};

use crate::tiny::TinyGptOss;

/// A `config.json` for each architecture, in the order of [`throng_spec::ModelSpec::architectures`].
/// Tied and untied heads, grouped and single KV heads, dense and sparse layers are among them.
pub fn configs() -> [Value; 5] {
    let llama = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
        "intermediate_size": 160, "vocab_size": 320, "max_position_embeddings": 512,
        "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    });
    let with = |more: Value| {
        let mut config = llama.clone();
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        config
    };
    [
        TinyGptOss::default().config(),
        llama.clone(),
        with(json!({
            "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 32,
            "rms_norm_eps": 1e-6, "tie_word_embeddings": false,
        })),
        with(json!({
            "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "head_dim": 32,
            "rms_norm_eps": 1e-6, "num_experts": 8, "num_experts_per_tok": 2,
            "moe_intermediate_size": 64, "mlp_only_layers": [0], "norm_topk_prob": true,
            "tie_word_embeddings": false,
        })),
        json!({
            "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 64, "n_head": 4,
            "n_layer": 3, "n_positions": 512, "vocab_size": 320,
        }),
    ]
}
