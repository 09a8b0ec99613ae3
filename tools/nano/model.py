"""gpt-oss in PyTorch, shaped for training on one CPU core.

A batch is many short segments behind one shared system prefix. A segment attends
to the prefix and to itself, and its positions go on from the prefix: the same
mathematics as separate sequences, with the prefix computed once.

Parameters carry the released checkpoint's names, so export is a rename of nothing.
"""

import math
from dataclasses import dataclass

import torch

import mxfp4


@dataclass(frozen=True)
class Config:
    """Shape of a model and the switches of the ablations."""

    vocab: int = 2048
    hidden: int = 128
    layers: int = 6
    heads: int = 8
    kv_heads: int = 2
    head_dim: int = 32
    inter: int = 96
    experts: int = 16
    top: int = 4
    window: int = 128
    theta: float = 10000.0
    yarn_factor: float = 8.0
    yarn_original: int = 512
    limit: float = 7.0
    eps: float = 1e-5

    @property
    def groups(self):
        """Query heads for each key and value head."""
        return self.heads // self.kv_heads


NANO = Config()
DRAFT = Config(hidden=64, layers=3, heads=4, kv_heads=1, head_dim=32, inter=64, experts=16)


def rope_tables(config, positions):
    """YaRN's cos and sin, ``[n, head_dim/2]``, with the concentration applied."""
    d, factor, original = config.head_dim, config.yarn_factor, config.yarn_original
    frequency = config.theta ** (torch.arange(0, d, 2).float() / d)

    def bound(rotations):
        return d * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(config.theta))

    low, high = max(bound(32.0), 0), min(bound(1.0), d - 1)
    ramp = ((torch.arange(d // 2).float() - low) / max(high - low, 0.001)).clamp(0, 1)
    inverse = (1 / (factor * frequency)) * ramp + (1 / frequency) * (1 - ramp)
    angle = positions.float()[:, None] * inverse[None]
    concentration = 0.1 * math.log(factor) + 1 if factor > 1 else 1.0
    return angle.cos() * concentration, angle.sin() * concentration


def rotate(x, cos, sin):
    """Rotate the halves of ``[..., n, heads, head_dim]``."""
    a, b = x.chunk(2, -1)
    cos, sin = cos[:, None, :], sin[:, None, :]
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)


def rms_norm(x, weight, eps):
    """RMSNorm in float32."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def swiglu(x, limit):
    """Clamped SwiGLU of interleaved gate and linear columns."""
    gate, linear = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    gate, linear = gate.clamp(max=limit), linear.clamp(-limit, limit)
    return gate * torch.sigmoid(1.702 * gate) * (linear + 1)


def softmax_with_sinks(scores, mask, sinks):
    """Softmax over the keys with a sink logit in the denominator only.

    ``scores [..., heads, queries, keys]``, additive ``mask [queries, keys]``.
    """
    scores = scores.float() + mask
    sink = sinks.float()[:, None, None]
    top = torch.maximum(scores.amax(-1, keepdim=True), sink).detach()
    weights = torch.exp(scores - top)
    return weights / (weights.sum(-1, keepdim=True) + torch.exp(sink - top))


def route(logits, top):
    """``(expert ids [n, top], weights [n, top])``: softmax over the chosen only."""
    values, chosen = logits.topk(top, -1)
    return chosen, values.softmax(-1)


def shapes(config):
    """Every parameter's name and shape, in the released checkpoint's names
    (expert matrices before they are packed, ``[experts, rows, columns]``)."""
    h, q, kv = config.hidden, config.heads * config.head_dim, config.kv_heads * config.head_dim
    table = {"model.embed_tokens.weight": (config.vocab, h)}
    for n in range(config.layers):
        at, mlp = f"model.layers.{n}.self_attn.", f"model.layers.{n}.mlp."
        table[f"model.layers.{n}.input_layernorm.weight"] = (h,)
        table[f"model.layers.{n}.post_attention_layernorm.weight"] = (h,)
        for name, rows, columns in (("q", q, h), ("k", kv, h), ("v", kv, h), ("o", h, q)):
            table[f"{at}{name}_proj.weight"] = (rows, columns)
            table[f"{at}{name}_proj.bias"] = (rows,)
        table[at + "sinks"] = (config.heads,)
        table[mlp + "router.weight"] = (config.experts, h)
        table[mlp + "router.bias"] = (config.experts,)
        table[mlp + "experts.gate_up_proj"] = (config.experts, 2 * config.inter, h)
        table[mlp + "experts.gate_up_proj_bias"] = (config.experts, 2 * config.inter)
        table[mlp + "experts.down_proj"] = (config.experts, h, config.inter)
        table[mlp + "experts.down_proj_bias"] = (config.experts, h)
    table["model.norm.weight"] = (h,)
    table["lm_head.weight"] = (config.vocab, h)
    return table


def initialise(config, seed):
    """Fresh float32 parameters."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {}
    for name, shape in shapes(config).items():
        if name.endswith("norm.weight"):
            value = torch.ones(shape)
        elif name.endswith(("bias", "sinks")):
            value = torch.zeros(shape)
        elif name == "model.embed_tokens.weight":
            value = torch.randn(shape, generator=generator) * 0.5
        elif name == "lm_head.weight":
            value = torch.randn(shape, generator=generator) * 0.02
        else:
            value = torch.randn(shape, generator=generator) * shape[-1] ** -0.5
            if name.endswith(("o_proj.weight", "down_proj")):
                value *= (2 * config.layers) ** -0.5
        parameters[name] = value.requires_grad_()
    return parameters


def is_expert(name):
    """True for the matrices that are stored as MXFP4."""
    return name.endswith(("gate_up_proj", "down_proj"))


def is_matrix(name):
    """True for what is multiplied in bfloat16."""
    return is_expert(name) or name.endswith(("_proj.weight", "lm_head.weight", "_proj.bias", "_proj_bias"))


def working_copy(parameters, quantise, exact=False):
    """Leaf tensors to compute with: expert matrices rounded to MXFP4 if asked, matrices
    in bfloat16 (``exact``: everything rounded as exported, kept in float32)."""
    copy = {}
    for name, value in parameters.items():
        value = value.detach()
        if quantise and is_expert(name):
            value = mxfp4.round_trip(value)
        if exact:
            value = value.bfloat16().float()
        elif is_matrix(name):
            value = value.bfloat16()
        copy[name] = (value if value.data_ptr() != parameters[name].data_ptr() else value.clone()).requires_grad_()
    return copy
