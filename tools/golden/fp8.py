"""Golden logits of checkpoints whose weights are FP8 (E4M3): tiny ones in the styles in which these
are released, and what transformers makes of the same weights once they are dequantised.

    python fp8.py OUT_DIR [CASE...]

Each case becomes a folder as `relatives.py` writes it. `verify` compares with what transformers makes of
the very files, of `compressed-tensors` through the package of that name.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, CompressedTensorsConfig
from transformers.integrations.finegrained_fp8 import _dequantize_fp8_weight

import reference
from generate import LENGTHS, VOCABULARY, largest_difference
from relatives import Case, llama, load, qwen3, qwen3_moe, random_state, release
from tokenizer import byte_tokenizer

LARGEST = torch.finfo(torch.float8_e4m3fn).max


@dataclass(frozen=True)
class Style:
    """How weights are stored: rows and columns that share a scale (0 for all), and names."""

    block: tuple
    scale: torch.dtype
    # The strategy of compressed-tensors; none for the method `fp8`.
    strategy: str = ""
    static: bool = False


# Sizes that are no whole number of blocks, so that some are cut short.
CASES = (
    # As Qwen's own releases.
    (Case("fp8-experts", 41, torch.bfloat16,
          qwen3_moe(160, 192, 2, (4, 2), 48, num_experts=4, num_experts_per_tok=2,
                    moe_intermediate_size=144, norm_topk_prob=True, mlp_only_layers=[1])),
     Style((128, 128), torch.bfloat16)),
    # As what llm-compressor calls FP8-dynamic.
    (Case("fp8-channels", 42, torch.bfloat16, llama(96, 160, 2, (6, 2), tie_word_embeddings=True)),
     Style((1, 0), torch.bfloat16, "channel")),
    # As what it calls FP8: with scales for activations, which are no matter of the weights.
    (Case("fp8-tensors", 43, torch.float16, llama(64, 96, 2, (4, 4))),
     Style((0, 0), torch.float32, "tensor", static=True)),
    # And FP8-block.
    (Case("fp8-blocks", 44, torch.bfloat16, qwen3(64, 160, 2, (4, 2), 32)),
     Style((48, 32), torch.float32, "block")),
)


def is_quantised(name, tensor):
    """Matrices of layers but routers."""
    return tensor.dim() == 2 and ".layers." in name and not name.endswith("mlp.gate.weight")


def quantise(matrix, style):
    """Codes, scales as they are stored, and the values that both stand for."""
    rows, cols = matrix.shape
    tall, wide = style.block[0] or rows, style.block[1] or cols
    down, across = -(-rows // tall), -(-cols // wide)
    codes = torch.empty(rows, cols, dtype=torch.float8_e4m3fn)
    values, scales = torch.empty(rows, cols), torch.empty(down, across, dtype=style.scale)
    for i in range(down):
        for j in range(across):
            place = slice(i * tall, (i + 1) * tall), slice(j * wide, (j + 1) * wide)
            scales[i, j] = matrix[place].abs().max() / LARGEST
            scale = scales[i, j].float()
            codes[place] = (matrix[place] / scale).clamp(-LARGEST, LARGEST).to(codes.dtype)
            values[place] = codes[place].float() * scale
    return codes, scales.flatten() if style.strategy == "tensor" else scales, values


def quantisation_config(style):
    """What ``config.json`` says of it, in the words of the releases."""
    if not style.strategy:
        return {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                "modules_to_not_convert": ["lm_head"], "weight_block_size": list(style.block)}
    activations = {"num_bits": 8, "type": "float", "symmetric": True, "group_size": None,
                   "strategy": "tensor" if style.static else "token", "dynamic": not style.static}
    weights = {"num_bits": 8, "type": "float", "symmetric": True, "group_size": None,
               "strategy": style.strategy, "dynamic": False, "observer": "minmax",
               "block_structure": list(style.block) if style.strategy == "block" else None}
    group = {"targets": ["Linear"], "weights": weights, "output_activations": None,
             "input_activations": activations, "format": "float-quantized"}
    return {"quant_method": "compressed-tensors", "format": "float-quantized",
            "quantization_status": "compressed", "kv_cache_scheme": None,
            "config_groups": {"group_0": group}, "ignore": ["lm_head", "re:.*mlp.gate$"]}


def quantised(stored, style):
    """Tensors as a checkpoint has them, and f32 values of all."""
    tensors, values = {}, {}
    end = "weight_scale" if style.strategy else "weight_scale_inv"
    for name, tensor in stored.items():
        if not is_quantised(name, tensor):
            tensors[name], values[name] = tensor, tensor.float()
            continue
        module = name.removesuffix("weight")
        tensors[name], tensors[module + end], values[name] = quantise(tensor.float(), style)
        if style.static:
            tensors[module + "input_scale"] = torch.tensor([0.01])
    return tensors, values


def state_of(values, state):
    """Values under stored names as a model's parameters, whose experts are stacked."""
    def parameter(name):
        if name.endswith("experts.gate_up_proj"):
            place = name.removesuffix("gate_up_proj")
            halves = [[values[f"{place}{e}.{part}_proj.weight"] for part in ("gate", "up")]
                      for e in range(len(state[name]))]
            return torch.stack([torch.cat(pair) for pair in halves])
        if name.endswith("experts.down_proj"):
            place = name.removesuffix("down_proj")
            return torch.stack(
                [values[f"{place}{e}.down_proj.weight"] for e in range(len(state[name]))])
        return values[name]

    return {name: parameter(name) for name in state}


def foreign_difference(folder, case, style, state, tokens):
    """How far our weights' logits are from those as others dequantise the very files."""
    if style.strategy:
        # The product of a code and a scale has the scale's type there.
        state = {name: values.to(style.scale).float() for name, values in state.items()}
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager",
            quantization_config=CompressedTensorsConfig(dequantize=True)).float().eval()
    else:
        # Loading as a whole, transformers takes a block for as many rows and columns as all have on
        # average, which is right of whole blocks only; its training code does the others too.
        stored = load_file(folder / "model.safetensors")
        values = {name: tensor.float() for name, tensor in stored.items()}
        for name in (name for name in stored if f"{name}_scale_inv" in stored):
            values[name] = _dequantize_fp8_weight(
                stored[name], stored[f"{name}_scale_inv"], list(style.block), torch.float32)
        model = load(case, state_of(values, state))
    ours = reference.logits(load(case, state), tokens)
    return largest_difference(reference.logits(model, tokens), ours)


def verify(folder, case, style, states, tensors):
    """Stops unless the reference can be trusted and the rounding to FP8 shows in it."""
    before, state = states
    pairs = [(tensors[f"tokens_{n}"].tolist(), tensors[f"logits_{n}"]) for n in LENGTHS]
    tokens, expected = pairs[-1]
    exact = load(case, state).double()
    rounding = max(largest_difference(reference.logits(exact, ids), logits) for ids, logits in pairs)
    assert rounding < 2e-4, f"{case.name}: rounding alone moves it by {rounding}, take another seed"
    foreign = foreign_difference(folder, case, style, state, tokens)
    effect = largest_difference(reference.logits(load(case, before), tokens), expected)
    print(f"{case.name}: rounding {rounding:.1e}, read by transformers {foreign:.1e}, FP8 {effect:.2f}")
    assert foreign < 1e-4, f"{case.name}: the files read differ by {foreign}"
    assert effect > 0.05, f"{case.name}: FP8 changes log-probabilities by {effect} only"


def make(folder, case, style):
    """Write one case."""
    folder.mkdir(parents=True, exist_ok=True)
    config = case.config | {"quantization_config": quantisation_config(style)}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer()) + "\n")
    before = random_state(case)
    stored, values = quantised(release(before, case), style)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    state = state_of(values, before)
    rng = torch.Generator().manual_seed(case.seed + 1000)
    model, tensors = load(case, state), {}
    for length in LENGTHS:
        tokens = torch.randint(VOCABULARY, (length,), generator=rng, dtype=torch.int32)
        tensors[f"tokens_{length}"] = tokens
        tensors[f"logits_{length}"] = reference.logits(model, tokens.tolist()).contiguous()
    verify(folder, case, style, (before, state), tensors)
    metadata = reference.versions() | {"seed": str(case.seed)}
    save_file(tensors, folder / "reference.safetensors", metadata=metadata)


def main():
    """The command line."""
    torch.set_num_threads(1)
    for case, style in CASES:
        if case.name in sys.argv[2:] or not sys.argv[2:]:
            make(Path(sys.argv[1]) / case.name, case, style)


if __name__ == "__main__":
    main()
