"""Golden logits: tiny random gpt-oss checkpoints in the released layout, and what transformers
makes of them.

    python generate.py OUT_DIR [CASE...]

Each case becomes a folder with config.json, tokenizer.json, model.safetensors and
reference.safetensors (`tokens_N` i32 [N] and `logits_N` f32 [N, vocabulary] for N of LENGTHS).
Before a case is kept, `verify` makes sure that the reference is right and that every feature of
the architecture shows in its logits.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

import mxfp4
import reference
from tokenizer import SPECIALS, byte_tokenizer

VOCABULARY = 272
LENGTHS = (5, 140, 300)


@dataclass(frozen=True)
class Case:
    """The sizes of one checkpoint."""

    name: str
    seed: int
    hidden: int
    width: int
    heads: tuple  # query, key-value, width of each
    experts: tuple  # in a layer, active
    layer_types: str  # one letter a layer: s(liding), f(ull)
    window: int
    limit: float
    rope: dict
    new_keys: bool = False  # rope_parameters instead of rope_scaling and rope_theta


CASES = (
    # Everything as in the released models, only smaller; positions pass the original context.
    Case("alternating", 11, 64, 96, (8, 2, 16), (8, 4), "sfsf", 16, 7.0,
         {"rope_type": "yarn", "factor": 8.0, "beta_fast": 32.0, "beta_slow": 1.0,
          "original_max_position_embeddings": 64, "truncate": False}),
    # The released window and rotary numbers, in the keys of newer configs.
    Case("released-window", 12, 96, 64, (4, 1, 32), (6, 3), "sfs", 128, 2.5,
         {"rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0,
          "original_max_position_embeddings": 4096, "truncate": False}, new_keys=True),
    # An odd window, full attention first, no grouping of heads, many experts, a truncated ramp.
    Case("odd-window", 13, 32, 160, (2, 2, 64), (16, 4), "fss", 7, 2.5,
         {"rope_type": "yarn", "factor": 4.0, "beta_fast": 16.0, "beta_slow": 1.0,
          "original_max_position_embeddings": 128, "truncate": True}),
    # What GGUF has no key for is as released: the clamp, the order of the layers.
    Case("released-clamp", 15, 64, 64, (6, 2, 32), (6, 2), "sfs", 32, 7.0,
         {"rope_type": "yarn", "factor": 16.0, "beta_fast": 32.0, "beta_slow": 1.0,
          "original_max_position_embeddings": 32, "truncate": False}),
    # All experts active, three query heads to a KV head, rotary embedding without YaRN.
    Case("dense-plain-rope", 14, 64, 32, (12, 4, 16), (4, 4), "sf", 33, 2.5,
         {"rope_type": "default"}),
)


def config_of(case):
    """``config.json`` with the keys of the released one."""
    names = {"s": "sliding_attention", "f": "full_attention"}
    query, kv, dim = case.heads
    config = {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss",
        "attention_bias": True, "attention_dropout": 0.0, "hidden_act": "silu",
        "hidden_size": case.hidden, "intermediate_size": case.width, "vocab_size": VOCABULARY,
        "num_hidden_layers": len(case.layer_types),
        "layer_types": [names[letter] for letter in case.layer_types],
        "num_attention_heads": query, "num_key_value_heads": kv, "head_dim": dim,
        "num_local_experts": case.experts[0], "num_experts_per_tok": case.experts[1],
        "experts_per_token": case.experts[1], "sliding_window": case.window,
        "swiglu_limit": case.limit, "rms_norm_eps": 1e-5, "max_position_embeddings": 512,
        "tie_word_embeddings": False, "pad_token_id": 256 + SPECIALS.index("<|endoftext|>"),
        "eos_token_id": 256 + SPECIALS.index("<|return|>"),
        "quantization_config": {"quant_method": "mxfp4"},
    }
    if case.new_keys:
        return config | {"rope_parameters": case.rope | {"rope_theta": 150000.0}}
    return config | {"rope_theta": 150000.0, "rope_scaling": case.rope}


def weights_of(case):
    """Random tensors under their stored names: experts MXFP4, everything else bf16."""
    rng = torch.Generator().manual_seed(case.seed)
    query, kv, dim = case.heads
    experts, tensors = case.experts[0], {}

    def put(name, *shape, deviation, mean=0.0):
        values = torch.randn(shape, generator=rng) * deviation + mean
        tensors[name] = values.to(torch.bfloat16)

    def linear(name, outputs, inputs, gain=1.0):
        put(f"{name}.weight", outputs, inputs, deviation=gain * inputs**-0.5)
        put(f"{name}.bias", outputs, deviation=0.5)

    def expert_matrix(name, outputs, inputs, gain):
        # Rows of different sizes, so that scales differ.
        rows = torch.exp2(torch.randint(-2, 2, (experts, outputs, 1), generator=rng).float())
        values = torch.randn((experts, outputs, inputs), generator=rng) * rows * gain * inputs**-0.5
        tensors[f"{name}_blocks"], tensors[f"{name}_scales"] = mxfp4.quantise(values)
        put(f"{name}_bias", experts, outputs, deviation=0.5)

    put("model.embed_tokens.weight", VOCABULARY, case.hidden, deviation=1.0)
    put("model.norm.weight", case.hidden, deviation=0.3, mean=1.0)
    put("lm_head.weight", VOCABULARY, case.hidden, deviation=2.0 * case.hidden**-0.5)
    for layer in range(len(case.layer_types)):
        name = f"model.layers.{layer}"
        put(f"{name}.input_layernorm.weight", case.hidden, deviation=0.3, mean=1.0)
        linear(f"{name}.self_attn.q_proj", query * dim, case.hidden, gain=1.5)
        linear(f"{name}.self_attn.k_proj", kv * dim, case.hidden, gain=1.5)
        linear(f"{name}.self_attn.v_proj", kv * dim, case.hidden)
        linear(f"{name}.self_attn.o_proj", case.hidden, query * dim)
        put(f"{name}.self_attn.sinks", query, deviation=1.5, mean=1.5)
        put(f"{name}.post_attention_layernorm.weight", case.hidden, deviation=0.3, mean=1.0)
        linear(f"{name}.mlp.router", experts, case.hidden, gain=2.0)
        expert_matrix(f"{name}.mlp.experts.gate_up_proj", 2 * case.width, case.hidden, gain=3.0)
        expert_matrix(f"{name}.mlp.experts.down_proj", case.hidden, case.width, gain=0.5)
    return tensors


def largest_difference(first, second):
    """Between the log-probabilities of two sets of logits."""
    difference = torch.log_softmax(first.double(), -1) - torch.log_softmax(second.double(), -1)
    return difference.abs().max().item()


def verify(folder, case, tensors):
    """Stops unless the reference can be trusted and depends on everything it should."""
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    stored = reference.read_weights(folder)
    for name in (name for name in stored if name.endswith("_blocks")):
        blocks, scales = stored[name], stored[name.replace("_blocks", "_scales")]
        theirs = convert_moe_packed_tensors(blocks, scales, dtype=torch.float32)
        assert torch.equal(mxfp4.dequantise(blocks, scales).transpose(1, 2), theirs), name

    model = reference.load(folder).double()
    pairs = [(tensors[f"tokens_{n}"].tolist(), tensors[f"logits_{n}"]) for n in LENGTHS]
    rounding = max(largest_difference(reference.logits(model, ids), logits) for ids, logits in pairs)
    tokens, expected = pairs[-1]
    # Random weights amplify rounding, and an expert may change where two routers' logits all but tie.
    assert rounding < 2e-4, f"{case.name}: rounding alone moves it by {rounding}, take another seed"
    changes = {
        "window": {"sliding_window": case.window + 1},
        "clamp": {"swiglu_limit": 1e6},
        "one expert": {"num_experts_per_tok": case.experts[1] - 1},
        "rotary base": {"rope_parameters": case.rope | {"rope_theta": 10000.0}},
    }
    if case.rope["rope_type"] == "yarn":
        plain = {"rope_type": "default", "rope_theta": 150000.0}
        changes["YaRN"] = {"rope_parameters": plain}
    effects = {}
    for what, change in changes.items():
        drop = {"rope_scaling": None} if "rope_parameters" in change else {}
        changed = reference.load(folder, **change, **drop)
        effects[what] = largest_difference(reference.logits(changed, tokens), expected)
    for what in ("sinks", "bias"):
        changed = reference.load(folder)
        for name, parameter in changed.named_parameters():
            if name.endswith(what):
                parameter.data.zero_()
        effects[what] = largest_difference(reference.logits(changed, tokens), expected)
    for what, effect in effects.items():
        assert effect > 0.05, f"{case.name}: {what} changes log-probabilities by {effect} only"
    summary = ", ".join(f"{what} {effect:.2f}" for what, effect in effects.items())
    print(f"{case.name}: rounding {rounding:.1e}; effect of {summary}")


def make(folder, case):
    """Write one case."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config_of(case), indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer()) + "\n")
    save_file(weights_of(case), folder / "model.safetensors", metadata={"format": "pt"})
    rng = torch.Generator().manual_seed(case.seed + 1000)
    model, tensors = reference.load(folder), {}
    for length in LENGTHS:
        tokens = torch.randint(VOCABULARY, (length,), generator=rng, dtype=torch.int32)
        tensors[f"tokens_{length}"] = tokens
        tensors[f"logits_{length}"] = reference.logits(model, tokens.tolist()).contiguous()
    verify(folder, case, tensors)
    metadata = reference.versions() | {"seed": str(case.seed)}
    save_file(tensors, folder / "reference.safetensors", metadata=metadata)


def main():
    """The command line."""
    for case in (case for case in CASES if case.name in sys.argv[2:] or not sys.argv[2:]):
        make(Path(sys.argv[1]) / case.name, case)


if __name__ == "__main__":
    main()
