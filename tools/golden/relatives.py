"""Golden logits of the architectures beside gpt-oss: tiny random checkpoints of Llama, Qwen3,
Qwen3-MoE and GPT-2 in the layouts in which these are released, and what transformers makes of them.

    python relatives.py OUT_DIR [CASE...]

Each case becomes a folder as `generate.py` writes it, verified in the same spirit.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

import reference
from generate import LENGTHS, VOCABULARY, largest_difference
from tokenizer import byte_tokenizer

CONTEXT = 512


@dataclass(frozen=True)
class Case:
    """One checkpoint."""

    name: str
    seed: int
    dtype: torch.dtype
    config: dict
    # What must show in the logits: a change of the config, or parameters (by the end of their
    # names) and what they all become.
    changes: dict = field(default_factory=dict)
    parameters: dict = field(default_factory=dict)
    prefixed: bool = True


def llama(hidden, width, layers, heads, dim=None, **more):
    """``config.json`` of a Llama, or of what is built like it."""
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": hidden, "intermediate_size": width, "num_hidden_layers": layers,
        "num_attention_heads": heads[0], "num_key_value_heads": heads[1],
        "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "attention_bias": False,
    }
    return config | ({"head_dim": dim} if dim else {}) | more


def qwen3(*sizes, **more):
    """``config.json`` of a dense Qwen3."""
    own = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "rms_norm_eps": 1e-6,
           "rope_theta": 1000000.0, "use_sliding_window": False, "sliding_window": None}
    return llama(*sizes, **(own | more))


def qwen3_moe(*sizes, **more):
    """``config.json`` of a Qwen3-MoE."""
    own = {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe"}
    return qwen3(*sizes, **(own | more))


def gpt2(hidden, layers, heads, **more):
    """``config.json`` of a GPT-2."""
    return {
        "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2",
        "activation_function": "gelu_new", "n_embd": hidden, "n_layer": layers, "n_head": heads,
        "n_positions": CONTEXT, "n_ctx": CONTEXT, "vocab_size": VOCABULARY,
        "layer_norm_epsilon": 1e-5, "embd_pdrop": 0.1, "resid_pdrop": 0.1, "attn_pdrop": 0.1,
    } | more


PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
BASE = {"rotary base": {"rope_parameters": PLAIN | {"rope_theta": 2000.0}, "rope_scaling": None}}
UNSCALED = {"scaling": {"rope_parameters": PLAIN, "rope_scaling": None}}
HEAD_NORMS = {"query norm": ("q_norm.weight", 1.0), "key norm": ("k_norm.weight", 1.0)}
GPT2_PARTS = {
    "positions": ("wpe.weight", 0.0), "norms' bias": ("ln_1.bias", 0.0),
    "attention's bias": ("c_attn.bias", 0.0), "MLP's bias": ("c_fc.bias", 0.0),
}

CASES = (
    Case("llama", 21, torch.bfloat16, llama(64, 160, 3, (4, 2), 20), BASE),
    # As in Llama 3.2: scaled positions and a tied head; in half precision.
    Case("llama3-tied", 22, torch.float16,
         llama(64, 96, 3, (4, 1), tie_word_embeddings=True, rope_scaling={
             "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
             "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
         UNSCALED),
    # Every bias that there can be, positions divided, the older spelling of the kind of scaling.
    Case("llama-biased", 23, torch.float32,
         llama(36, 50, 3, (3, 3), 12, attention_bias=True, mlp_bias=True,
               rope_scaling={"type": "linear", "factor": 4.0}),
         UNSCALED,
         {"query's bias": ("q_proj.bias", 0.0), "output's bias": ("o_proj.bias", 0.0),
          "gate's bias": ("gate_proj.bias", 0.0), "up's bias": ("up_proj.bias", 0.0),
          "down's bias": ("down_proj.bias", 0.0)}),
    Case("qwen3-tied", 24, torch.bfloat16,
         qwen3(64, 96, 3, (6, 2), 32, tie_word_embeddings=True), BASE, HEAD_NORMS),
    Case("qwen3", 25, torch.bfloat16, qwen3(48, 128, 2, (4, 4), 24), BASE, HEAD_NORMS),
    # The released numbers' shape: every layer sparse but one that is listed, weights renormalised.
    Case("qwen3-moe", 26, torch.bfloat16,
         qwen3_moe(64, 128, 3, (4, 2), 16, num_experts=8, num_experts_per_tok=3,
                   moe_intermediate_size=48, norm_topk_prob=True, decoder_sparse_step=1,
                   mlp_only_layers=[1]),
         BASE | {"one expert": {"num_experts_per_tok": 2},
                 "renormalisation": {"norm_topk_prob": False}}, HEAD_NORMS),
    # As all that are released: every layer sparse.
    Case("qwen3-moe-sparse", 30, torch.bfloat16,
         qwen3_moe(64, 128, 2, (4, 2), 16, num_experts=6, num_experts_per_tok=2,
                   moe_intermediate_size=32, norm_topk_prob=True, tie_word_embeddings=True),
         BASE | {"one expert": {"num_experts_per_tok": 1},
                 "renormalisation": {"norm_topk_prob": False}}, HEAD_NORMS),
    Case("qwen3-moe-even", 32, torch.bfloat16,
         qwen3_moe(48, 96, 2, (4, 4), 24, num_experts=4, num_experts_per_tok=2,
                   moe_intermediate_size=64, norm_topk_prob=True),
         BASE | {"one expert": {"num_experts_per_tok": 1},
                 "renormalisation": {"norm_topk_prob": False}}, HEAD_NORMS),
    # Every other layer sparse, weights as the softmax over all experts gives them.
    Case("qwen3-moe-unnormalised", 27, torch.bfloat16,
         qwen3_moe(48, 96, 4, (6, 3), 16, num_experts=6, num_experts_per_tok=2,
                   moe_intermediate_size=40, norm_topk_prob=False, decoder_sparse_step=2),
         {"one expert": {"num_experts_per_tok": 1},
          "renormalisation": {"norm_topk_prob": True}}, HEAD_NORMS),
    Case("gpt2", 28, torch.float32, gpt2(48, 3, 4),
         {"activation": {"activation_function": "relu"}}, GPT2_PARTS),
    Case("gpt2-many-heads", 31, torch.bfloat16, gpt2(64, 2, 8),
         {"activation": {"activation_function": "relu"}}, GPT2_PARTS),
    # Names as in the first release, and a width of its own inside the MLP.
    Case("gpt2-unprefixed", 29, torch.bfloat16, gpt2(64, 2, 2, n_inner=100),
         {"activation": {"activation_function": "relu"}}, GPT2_PARTS, prefixed=False),
)


def draw(name, shape, case, rng):
    """Random values for a parameter; sizes keep activations near 1 and attention picky."""
    normal = torch.randn(shape, generator=rng)
    if re.search(r"(norm|ln_1|ln_2|ln_f)\.weight$", name):
        return 1.0 + 0.3 * normal
    if name.endswith("bias"):
        return 0.5 * normal
    if re.search(r"(embed_tokens|wte)\.weight$", name):
        tied = case.config.get("tie_word_embeddings", case.config["model_type"] == "gpt2")
        return normal * (2.0 * shape[-1] ** -0.5 if tied else 1.0)
    if name.endswith("wpe.weight"):
        return 0.2 * normal
    inputs = shape[-2] if case.config["model_type"] == "gpt2" else shape[-1]
    gains = {"q_proj": 1.5, "k_proj": 1.5, "c_attn": 1.3, "lm_head": 2.0, "mlp.gate.": 2.0,
             "experts": 1.5}
    return normal * next((g for part, g in gains.items() if part in name), 1.0) * inputs**-0.5


def release(state, case):
    """A model's parameters under the names and in the shapes of released checkpoints."""
    stored = {}
    for name, tensor in state.items():
        if name.endswith("experts.gate_up_proj"):
            for expert, (gate, up) in enumerate(matrix.chunk(2) for matrix in tensor):
                place = name.replace("gate_up_proj", str(expert))
                stored[f"{place}.gate_proj.weight"] = gate
                stored[f"{place}.up_proj.weight"] = up
        elif name.endswith("experts.down_proj"):
            for expert, down in enumerate(tensor):
                stored[name.replace("down_proj", f"{expert}.down_proj.weight")] = down
        else:
            stored[name if case.prefixed else name.removeprefix("transformer.")] = tensor
    return {name: tensor.to(case.dtype).contiguous().clone() for name, tensor in stored.items()}


def load(case, state, **changes):
    """A model with these parameters; ``changes`` replace top-level keys of its config."""
    config = {key: value for key, value in (case.config | changes).items() if value is not None}
    config = AutoConfig.for_model(**(config | {"dtype": "float32"}))
    config._attn_implementation = config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    return model


def random_state(case):
    """Random parameters of the case's model, as its checkpoint can store them."""
    rng = torch.Generator().manual_seed(case.seed)
    with torch.device("meta"):
        config = AutoConfig.for_model(**case.config)
        shapes = AutoModelForCausalLM.from_config(config).named_parameters()
    # A tied head is no parameter of its own.
    return {name: draw(name, p.shape, case, rng).to(case.dtype).float() for name, p in shapes}


def verify(folder, case, state, tensors):
    """Stops unless the reference can be trusted and depends on everything it should."""
    pairs = [(tensors[f"tokens_{n}"].tolist(), tensors[f"logits_{n}"]) for n in LENGTHS]
    tokens, expected = pairs[-1]
    # transformers reads the files as what they are meant to be.
    read = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    foreign = largest_difference(reference.logits(read, tokens), expected)
    assert foreign < 1e-4, f"{case.name}: the files read differ by {foreign}"
    exact = load(case, state).double()
    rounding = max(largest_difference(reference.logits(exact, ids), logits) for ids, logits in pairs)
    assert rounding < 2e-4, f"{case.name}: rounding alone moves it by {rounding}, take another seed"
    effects = {}
    for what, change in case.changes.items():
        changed = load(case, state, **change)
        effects[what] = largest_difference(reference.logits(changed, tokens), expected)
    for what, (ending, value) in case.parameters.items():
        assert any(name.endswith(ending) for name in state), ending
        other = {n: torch.full_like(t, value) if n.endswith(ending) else t for n, t in state.items()}
        effects[what] = largest_difference(reference.logits(load(case, other), tokens), expected)
    for what, effect in effects.items():
        assert effect > 0.05, f"{case.name}: {what} changes log-probabilities by {effect} only"
    summary = ", ".join(f"{what} {effect:.2f}" for what, effect in effects.items())
    print(f"{case.name}: rounding {rounding:.1e}; effect of {summary}")


def make(folder, case):
    """Write one case."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(case.config, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(byte_tokenizer()) + "\n")
    state = random_state(case)
    stored = release(state, case)
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    assert all(torch.equal(load_file(folder / "model.safetensors")[n], t) for n, t in stored.items())
    rng = torch.Generator().manual_seed(case.seed + 1000)
    model, tensors = load(case, state), {}
    for length in LENGTHS:
        tokens = torch.randint(VOCABULARY, (length,), generator=rng, dtype=torch.int32)
        tensors[f"tokens_{length}"] = tokens
        tensors[f"logits_{length}"] = reference.logits(model, tokens.tolist()).contiguous()
    verify(folder, case, state, tensors)
    metadata = reference.versions() | {"seed": str(case.seed)}
    save_file(tensors, folder / "reference.safetensors", metadata=metadata)


def main():
    """The command line."""
    torch.set_num_threads(1)
    for case in (case for case in CASES if case.name in sys.argv[2:] or not sys.argv[2:]):
        make(Path(sys.argv[1]) / case.name, case)


if __name__ == "__main__":
    main()
