//! What the files of each architecture call each tensor, and how they store it: a row of a table for
//! each role. One file here for each format.

mod gguf;
mod original;
mod released;

use throng_spec::{LayerRole, Role};

/// What follows the name of a matrix in that of its scales, where they are a tensor of their own.
pub(crate) const SCALE: &str = "_scale";

/// The same where FP8 is named as DeepSeek and Qwen do: "inverse" of what the weights were multiplied with.
pub(crate) const INVERSE_SCALE: &str = "_scale_inv";

/// What follows the name of a matrix in that of its values, where these are nibbles.
pub(crate) const PACKED: &str = "_packed";

/// Ends of names of what activations, keys and values are to be divided by before they are rounded to 8
/// bits. The numbers of a model are the same without: what is rounded to what is the engine's choice.
const ACTIVATION_SCALES: &[&str] =
    &[".input_scale", ".output_scale", ".activation_scale", ".k_scale", ".v_scale"];

/// Stands for an expert's number in a name.
const EXPERT: &str = "{}";

/// Query, key and value projections, where one tensor has all three.
const QKV: &[LayerRole] = &[LayerRole::Query, LayerRole::Key, LayerRole::Value];
const QKV_BIAS: &[LayerRole] = &[LayerRole::QueryBias, LayerRole::KeyBias, LayerRole::ValueBias];

/// How the files of a model are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Safetensors, with the names that `transformers` gives.
    Released,
    /// Safetensors, with OpenAI's own names (folder `original/`).
    Original,
    /// GGUF.
    Gguf,
}

impl Format {
    /// Element types of numbers that can be read of it, for messages.
    pub(crate) const fn numbers(self) -> &'static str {
        match self {
            Self::Released | Self::Original => "bf16, f16 or f32",
            Self::Gguf => "f32, f16, bf16, mxfp4, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k or q6_k",
        }
    }
}

/// How a role's tensor is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// As tensors whose rows (or values, for a vector) alternate; usually as one.
    Rows(&'static [&'static str]),
    /// The same for each expert, whose number the names have in place of `{}`.
    Experts(&'static [&'static str]),
    /// As rows of a tensor that has those of all these roles, one role after the other.
    Stack(&'static str, &'static [LayerRole]),
    /// The same as columns, `[inputs, outputs]`. A vector is part of a longer one.
    Columns(&'static str, &'static [LayerRole]),
    /// With the two halves of each head's rows alternating.
    Pairs(&'static str),
    /// As MXFP4 nibbles `u8 [.., rows, row length / 32, 16]` and scales `u8 [.., rows, row length
    /// / 32]`, or, under this third name, as plain numbers in columns `[experts, inputs, outputs]` or
    /// as INT8 in rows.
    Mxfp4(&'static str, &'static str, Option<&'static str>),
}

/// The names of some architectures' tensors.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) format: Format,
    /// As in `ModelSpec::architecture`.
    architectures: &'static [&'static str],
    /// What names of all tensors but the head's may begin with.
    pub(crate) prefixes: &'static [&'static str],
    /// What stands before a layer's number.
    layers: &'static str,
    head: Form,
    /// Outside the layers.
    model: &'static [(Role, Form)],
    /// In a layer.
    layer: &'static [&'static [(LayerRole, Form)]],
    /// Ends of the names of tensors that say nothing more.
    ignored: &'static [&'static str],
}

impl Names {
    /// The names of an architecture's tensors.
    pub(crate) fn of(architecture: &str, format: Format) -> &'static Self {
        [released::ALL, original::ALL, gguf::ALL]
            .into_iter()
            .flatten()
            .find(|names| names.format == format && names.architectures.contains(&architecture))
            .expect("every architecture has its names for each format that it comes in")
    }

    /// How a role is stored, and what stands before the names of its form.
    pub(crate) fn form(&self, prefix: &str, role: Role) -> (String, Form) {
        let (start, form) = match role {
            Role::Head => (String::new(), Some(self.head)),
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

    /// Whether a tensor may be there without a role in the model.
    pub(crate) fn is_ignored(&self, name: &str) -> bool {
        // Of a tied head, scales may be there as those of the embedding and again under its own name.
        let mut ends = [SCALE, INVERSE_SCALE].into_iter();
        let name_of_values = ends.find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        let tied_head = matches!(self.head, Form::Rows([head]) if *head == name_of_values);
        let ignored = self.ignored.iter().chain(ACTIVATION_SCALES);
        tied_head || ignored.into_iter().any(|end| name.ends_with(end))
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

    use super::{Format, Names};

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
            let mut formats = vec![Format::Released, Format::Gguf];
            if spec.architecture == "gpt_oss" {
                formats.push(Format::Original);
            }
            for names in formats.into_iter().map(|format| Names::of(spec.architecture, format)) {
                for (role, _) in spec.tensors() {
                    // A missing row is a panic.
                    let (start, _) = names.form(names.prefixes[0], role);
                    assert!(start.is_empty() || start.starts_with(names.prefixes[0]), "{role:?}");
                }
            }
        }
    }
}
