"""A folder of safetensors written again with weights in FP8 (E4M3), under the names of
compressed-tensors, to be compared with the same in INT8.

    python3 bench/fp8.py IN OUT --scales channel --kinds attention,head

Needs torch, numpy and safetensors. A scale is the largest magnitude of its rectangle by 448, the
largest of E4M3; those of groups are f16, like INT8's, and others bf16, like the releases'.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

LARGEST = torch.finfo(torch.float8_e4m3fn).max

# Rows and columns that share a scale (0 for all), its type, and how a config says so.
SCALES = {
    "channel": ((1, 0), torch.bfloat16, {"strategy": "channel"}),
    "block": ((128, 128), torch.bfloat16, {"strategy": "block", "block_structure": [128, 128]}),
    "group": ((1, 32), torch.float16, {"strategy": "group", "group_size": 32}),
}

# Parts of the names of matrices of each of throng's kinds, in Llama and what is named like it.
KINDS = {"attention": (".self_attn.",), "head": ("lm_head.",), "experts": (".mlp.",)}


def quantised(matrix, form):
    """Codes and scales."""
    (tall, wide), dtype, _ = SCALES[form]
    rows, cols = matrix.shape
    tall, wide = tall or rows, wide or cols
    down, across = -(-rows // tall), -(-cols // wide)
    padding = (0, across * wide - cols, 0, down * tall - rows)
    padded = torch.nn.functional.pad(matrix.float(), padding).reshape(down, tall, across, wide)
    scales = (padded.abs().amax((1, 3)) / LARGEST).to(dtype)
    scales[scales == 0] = 1
    values = (padded / scales.float()[:, None, :, None]).clamp(-LARGEST, LARGEST)
    codes = values.reshape(down * tall, across * wide)[:rows, :cols].to(torch.float8_e4m3fn)
    return codes.contiguous(), scales


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split(",")[0])
    parser.add_argument("source", type=Path, help="folder with model.safetensors")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--scales", choices=SCALES, required=True)
    parser.add_argument("--kinds", default=",".join(KINDS), help="of %(default)s")
    options = parser.parse_args()
    config = json.loads((options.source / "config.json").read_text())
    parts = [part for kind in options.kinds.split(",") for part in KINDS[kind]]
    if config.get("tie_word_embeddings") and "lm_head." in parts:
        parts.append("embed_tokens.")
    tensors = {}
    for name, tensor in load_file(options.source / "model.safetensors").items():
        tensors[name] = tensor
        if tensor.dim() == 2 and any(part in name for part in parts):
            tensors[name], tensors[f"{name}_scale"] = quantised(tensor, options.scales)
    weights = {"num_bits": 8, "type": "float", "symmetric": True} | SCALES[options.scales][2]
    config["quantization_config"] = {
        "quant_method": "compressed-tensors", "format": "float-quantized",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(options.source / "tokenizer.json", options.out)
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_file(tensors, options.out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
