//! What is written of quantised weights, for this reader and for Python's compressed-tensors.

use serde_json::{Value, json};
use throng_spec::DType;

use super::{COMPRESSED, RELEASED};
use crate::scaling::Scaling;

/// Modules whose weights are of a type.
pub(crate) struct Group {
    pub(crate) dtype: DType,
    /// Which values share a scale, in FP8.
    pub(crate) scaling: Option<Scaling>,
    /// Patterns that match the modules' names.
    pub(crate) targets: Vec<String>,
}

impl Group {
    /// The name of the stored form.
    fn format(&self) -> &'static str {
        match self.dtype {
            DType::Mxfp4 => "mxfp4-pack-quantized",
            DType::Fp8 => "float-quantized",
            _ => "int-quantized",
        }
    }

    /// The type of the weights.
    fn weights(&self) -> Value {
        let (bits, kind) = match self.dtype {
            DType::Mxfp4 => (4, "float"),
            DType::Fp8 => (8, "float"),
            _ => (8, "int"),
        };
        let (strategy, group_size, block) = match self.scaling {
            None => ("group", Some(self.dtype.block_len()), None),
            Some(Scaling::Tensor) => ("tensor", None, None),
            Some(Scaling::Channel) => ("channel", None, None),
            Some(Scaling::Group(size)) => ("group", Some(size), None),
            Some(Scaling::Block(block)) => ("block", None, Some(block)),
        };
        json!({
            "num_bits": bits, "type": kind, "symmetric": true, "strategy": strategy,
            "group_size": group_size, "block_structure": block, "dynamic": false,
            "actorder": null,
        })
    }
}

/// What a config says of such weights; nothing where none are quantised. MXFP4 in gpt-oss's own form
/// alone is said as releases say it.
pub(crate) fn of(groups: &[Group], is_released: bool) -> Option<Value> {
    let first = groups.first()?.format();
    if is_released && groups.iter().all(|group| group.dtype == DType::Mxfp4) {
        return Some(json!({ "quant_method": RELEASED }));
    }
    let group = |(index, group): (usize, &Group)| {
        let group = json!({
            "format": group.format(), "targets": group.targets, "weights": group.weights(),
            "input_activations": null, "output_activations": null,
        });
        (format!("group_{index}"), group)
    };
    let mixed = groups.iter().any(|group| group.format() != first);
    Some(json!({
        "quant_method": COMPRESSED,
        "quantization_status": "compressed",
        "format": if mixed { "mixed-precision" } else { first },
        "ignore": [],
        "kv_cache_scheme": null,
        "config_groups": Value::Object(groups.iter().enumerate().map(group).collect()),
    }))
}
