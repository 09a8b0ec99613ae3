//! What the files of each architecture call each tensor, and how they store it: a row of a table for
//! each role.

use throng_spec::{LayerRole, Role};

use self::Form::{Columns, Experts, Mxfp4, Rows};

/// Ends the name of an MXFP4 tensor's nibbles: `u8 [.., rows, row length / 32, 16]`.
pub(crate) const BLOCKS: &str = "_blocks";
/// Ends the name of its scales: `u8 [.., rows, row length / 32]`.
pub(crate) const SCALES: &str = "_scales";
/// Stands for an expert's number in a name.
const EXPERT: &str = "{}";

/// How a role's tensor is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// As tensors whose rows (or values, for a vector) alternate; usually as one.
    Rows(&'static [&'static str]),
    /// The same for each expert, whose number the names have in place of `{}`.
    Experts(&'static [&'static str]),
    /// As columns, `[inputs, outputs]`: the share of this index, of so many equal ones among the
    /// outputs. A vector is a share of a wider one.
    Columns(&'static str, usize, usize),
    /// As nibbles and scales, whose names [`BLOCKS`] and [`SCALES`] make of this one.
    Mxfp4(&'static str),
}

/// The names of some architectures' tensors.
#[derive(Debug)]
pub(crate) struct Names {
    /// `model_type` in `config.json`.
    architectures: &'static [&'static str],
    /// What names of all tensors but the head's may begin with.
    pub(crate) prefixes: &'static [&'static str],
    /// What stands before a layer's number.
    layers: &'static str,
    /// Outside the layers.
    model: &'static [(Role, Form)],
    /// In a layer.
    layer: &'static [&'static [(LayerRole, Form)]],
}

/// The head's name, which has no prefix.
const HEAD: Form = Rows(&["lm_head.weight"]);

/// Names that Llama brought and others took over.
const LLAMA: Names = Names {
    architectures: &["llama", "qwen3"],
    prefixes: &["model.", ""],
    layers: "layers.",
    model: &[
        (Role::Embedding, Rows(&["embed_tokens.weight"])),
        (Role::FinalNorm, Rows(&["norm.weight"])),
    ],
    layer: &[LLAMA_LAYER],
};

const LLAMA_LAYER: &[(LayerRole, Form)] = &[
    (LayerRole::AttentionNorm, Rows(&["input_layernorm.weight"])),
    (LayerRole::Query, Rows(&["self_attn.q_proj.weight"])),
    (LayerRole::QueryBias, Rows(&["self_attn.q_proj.bias"])),
    (LayerRole::Key, Rows(&["self_attn.k_proj.weight"])),
    (LayerRole::KeyBias, Rows(&["self_attn.k_proj.bias"])),
    (LayerRole::Value, Rows(&["self_attn.v_proj.weight"])),
    (LayerRole::ValueBias, Rows(&["self_attn.v_proj.bias"])),
    (LayerRole::QueryNorm, Rows(&["self_attn.q_norm.weight"])),
    (LayerRole::KeyNorm, Rows(&["self_attn.k_norm.weight"])),
    (LayerRole::Output, Rows(&["self_attn.o_proj.weight"])),
    (LayerRole::OutputBias, Rows(&["self_attn.o_proj.bias"])),
    (LayerRole::MlpNorm, Rows(&["post_attention_layernorm.weight"])),
    (LayerRole::DenseUp, Rows(&["mlp.gate_proj.weight", "mlp.up_proj.weight"])),
    (LayerRole::DenseUpBias, Rows(&["mlp.gate_proj.bias", "mlp.up_proj.bias"])),
    (LayerRole::DenseDown, Rows(&["mlp.down_proj.weight"])),
    (LayerRole::DenseDownBias, Rows(&["mlp.down_proj.bias"])),
];

const QWEN3_MOE: Names =
    Names { architectures: &["qwen3_moe"], layer: &[LLAMA_LAYER, QWEN3_EXPERTS], ..LLAMA };

const QWEN3_EXPERTS: &[(LayerRole, Form)] = &[
    (LayerRole::Router, Rows(&["mlp.gate.weight"])),
    (
        LayerRole::GateUp,
        Experts(&["mlp.experts.{}.gate_proj.weight", "mlp.experts.{}.up_proj.weight"]),
    ),
    (LayerRole::Down, Experts(&["mlp.experts.{}.down_proj.weight"])),
];

const GPT_OSS: Names =
    Names { architectures: &["gpt_oss"], layer: &[LLAMA_LAYER, GPT_OSS_EXPERTS], ..LLAMA };

const GPT_OSS_EXPERTS: &[(LayerRole, Form)] = &[
    (LayerRole::Sinks, Rows(&["self_attn.sinks"])),
    (LayerRole::Router, Rows(&["mlp.router.weight"])),
    (LayerRole::RouterBias, Rows(&["mlp.router.bias"])),
    (LayerRole::GateUp, Mxfp4("mlp.experts.gate_up_proj")),
    (LayerRole::GateUpBias, Rows(&["mlp.experts.gate_up_proj_bias"])),
    (LayerRole::Down, Mxfp4("mlp.experts.down_proj")),
    (LayerRole::DownBias, Rows(&["mlp.experts.down_proj_bias"])),
];

const GPT2: Names = Names {
    architectures: &["gpt2"],
    prefixes: &["transformer.", ""],
    layers: "h.",
    model: &[
        (Role::Embedding, Rows(&["wte.weight"])),
        (Role::Positions, Rows(&["wpe.weight"])),
        (Role::FinalNorm, Rows(&["ln_f.weight"])),
        (Role::FinalNormBias, Rows(&["ln_f.bias"])),
    ],
    layer: &[GPT2_LAYER],
};

const GPT2_LAYER: &[(LayerRole, Form)] = &[
    (LayerRole::AttentionNorm, Rows(&["ln_1.weight"])),
    (LayerRole::AttentionNormBias, Rows(&["ln_1.bias"])),
    (LayerRole::Query, Columns("attn.c_attn.weight", 0, 3)),
    (LayerRole::QueryBias, Columns("attn.c_attn.bias", 0, 3)),
    (LayerRole::Key, Columns("attn.c_attn.weight", 1, 3)),
    (LayerRole::KeyBias, Columns("attn.c_attn.bias", 1, 3)),
    (LayerRole::Value, Columns("attn.c_attn.weight", 2, 3)),
    (LayerRole::ValueBias, Columns("attn.c_attn.bias", 2, 3)),
    (LayerRole::Output, Columns("attn.c_proj.weight", 0, 1)),
    (LayerRole::OutputBias, Rows(&["attn.c_proj.bias"])),
    (LayerRole::MlpNorm, Rows(&["ln_2.weight"])),
    (LayerRole::MlpNormBias, Rows(&["ln_2.bias"])),
    (LayerRole::DenseUp, Columns("mlp.c_fc.weight", 0, 1)),
    (LayerRole::DenseUpBias, Rows(&["mlp.c_fc.bias"])),
    (LayerRole::DenseDown, Columns("mlp.c_proj.weight", 0, 1)),
    (LayerRole::DenseDownBias, Rows(&["mlp.c_proj.bias"])),
];

impl Names {
    /// The names of an architecture's tensors.
    pub(crate) fn of(architecture: &str) -> &'static Self {
        const ALL: &[Names] = &[LLAMA, QWEN3_MOE, GPT_OSS, GPT2];
        ALL.iter()
            .find(|names| names.architectures.contains(&architecture))
            .expect("every architecture of throng-spec has its names here")
    }

    /// How a role is stored, and what stands before the names of its form.
    pub(crate) fn form(&self, prefix: &str, role: Role) -> (String, Form) {
        let (start, form) = match role {
            Role::Head => (String::new(), Some(HEAD)),
            Role::Layer(layer, role) => {
                let mut rows = self.layer.iter().copied().flatten();
                let form = rows.find(|row| row.0 == role).map(|row| row.1);
                (format!("{prefix}{}{layer}.", self.layers), form)
            }
            role => {
                let form = self.model.iter().find(|row| row.0 == role).map(|row| row.1);
                (prefix.to_owned(), form)
            }
        };
        (start, form.expect("an architecture's table has a row for each of its roles"))
    }
}

/// A name with an expert's number.
pub(crate) fn of_expert(name: &str, expert: usize) -> String {
    name.replace(EXPERT, &expert.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use throng_spec::ModelSpec;
    use throng_testkit::TinyGptOss;

    use super::Names;

    /// With every switch on that adds a tensor, and layers of each kind.
    #[test]
    fn every_tensor_of_every_architecture_has_a_name() {
        let llama = json!({
            "model_type": "llama", "hidden_size": 8, "intermediate_size": 8, "vocab_size": 8,
            "max_position_embeddings": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
            "attention_bias": true, "mlp_bias": true,
        });
        let with = |more: serde_json::Value| {
            let mut config = llama.clone();
            let object = config.as_object_mut().expect("an object");
            object.remove("mlp_bias");
            object.extend(more.as_object().expect("an object").clone());
            config
        };
        let configs = [
            TinyGptOss::default().config(),
            llama.clone(),
            with(json!({ "model_type": "qwen3" })),
            with(json!({
                "model_type": "qwen3_moe", "num_experts": 2, "num_experts_per_tok": 1,
                "moe_intermediate_size": 8, "mlp_only_layers": [0],
            })),
            json!({
                "model_type": "gpt2", "n_embd": 8, "n_head": 2, "n_layer": 1, "n_positions": 8,
                "vocab_size": 8, "tie_word_embeddings": false,
            }),
        ];
        let specs = configs.map(|config| ModelSpec::from_config(&config).expect("a sound config"));
        assert!(ModelSpec::architectures().eq(specs.iter().map(|spec| spec.architecture)));
        for spec in &specs {
            let names = Names::of(spec.architecture);
            for (role, _) in spec.tensors() {
                // A missing row is a panic.
                let (start, _) = names.form(names.prefixes[0], role);
                assert!(start.is_empty() || start.starts_with(names.prefixes[0]), "{role:?}");
            }
        }
    }
}
