//! Tiny random gpt-oss checkpoints in the released layout.

use std::io;
use std::path::Path;

use serde_json::{Value, json};
use throng_checkpoint::synth::RandomModel;

use crate::tokenizer::{byte_tokenizer, special};

/// Files in memory for as long as the program runs, as pairs of name and content.
pub type EmbeddedFiles = Vec<(&'static str, &'static [u8])>;

/// Sizes of a checkpoint; its weights follow from them and the seed.
#[derive(Clone, Debug)]
pub struct TinyGptOss {
    /// Of the random numbers.
    pub seed: u64,
    /// Width of the residual stream; a multiple of 32.
    pub hidden: usize,
    /// Width of an expert; a multiple of 32.
    pub width: usize,
    /// Layers; every other one, from the first, has the window.
    pub layers: usize,
    /// Query heads.
    pub query_heads: usize,
    /// KV heads; divides `query_heads`.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Experts of a layer.
    pub experts: usize,
    /// Experts that a token goes through.
    pub active: usize,
    /// Rows of embedding and head; [`byte_tokenizer`] has 265 tokens.
    pub vocab: usize,
    /// Sliding window.
    pub window: usize,
    /// Positions.
    pub context: usize,
    /// Positions before YaRN extended them by `context / original_context`.
    pub original_context: usize,
}

impl Default for TinyGptOss {
    fn default() -> Self {
        Self {
            seed: 1,
            hidden: 64,
            width: 96,
            layers: 4,
            query_heads: 8,
            kv_heads: 2,
            head_dim: 16,
            experts: 8,
            active: 4,
            vocab: 272,
            window: 16,
            context: 512,
            original_context: 64,
        }
    }
}

impl TinyGptOss {
    /// The content of `config.json`.
    pub fn config(&self) -> Value {
        let kind = |layer| if layer % 2 == 0 { "sliding_attention" } else { "full_attention" };
        json!({
            "architectures": ["GptOssForCausalLM"],
            "model_type": "gpt_oss",
            "attention_bias": true,
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "intermediate_size": self.width,
            "vocab_size": self.vocab,
            "num_hidden_layers": self.layers,
            "layer_types": (0..self.layers).map(kind).collect::<Vec<_>>(),
            "num_attention_heads": self.query_heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "num_local_experts": self.experts,
            "num_experts_per_tok": self.active,
            "sliding_window": self.window,
            "swiglu_limit": 7.0,
            "rms_norm_eps": 1e-5,
            "max_position_embeddings": self.context,
            "rope_theta": 150_000,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": self.context as f64 / self.original_context as f64,
                "beta_fast": 32.0,
                "beta_slow": 1.0,
                "original_max_position_embeddings": self.original_context,
                "truncate": false,
            },
            "tie_word_embeddings": false,
            "quantization_config": { "quant_method": "mxfp4" },
        })
    }

    /// All files as pairs of name and content.
    pub fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        let stop = ["<|return|>", "<|endoftext|>", "<|call|>"].map(special);
        let generation = json!({ "do_sample": true, "eos_token_id": stop });
        vec![
            ("config.json", self.config().to_string().into_bytes()),
            ("generation_config.json", generation.to_string().into_bytes()),
            ("tokenizer.json", byte_tokenizer()),
            ("model.safetensors", self.weights()),
        ]
    }

    /// Writes all files into a folder, which is made if need be.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        self.files()
            .iter()
            .try_for_each(|(name, content)| std::fs::write(folder.join(name), content))
    }

    /// All files as a program embeds them. Their memory is never given back.
    pub fn embedded(&self) -> EmbeddedFiles {
        self.files().into_iter().map(|(name, content)| (name, &*content.leak())).collect()
    }

    /// The content of `model.safetensors`.
    fn weights(&self) -> Vec<u8> {
        let model = RandomModel::new(&self.config(), None, self.seed);
        model.expect("the sizes are a model's").to_safetensors()
    }
}
