"""The training forward pass: one prefix, many segments, loss on trained tokens only."""

import torch
import torch.nn.functional as F

from kernels import TILE, Collect, GroupedLinear, SinkSoftmax, Spread, SwiGlu, place
from model import rms_norm, rope_tables, rotate

BALANCE = 0.01


class Compiled:
    """The element-wise pieces, compiled once with dynamic shapes."""

    def __init__(self, enabled):
        wrap = (lambda f: torch.compile(f, dynamic=True)) if enabled else (lambda f: f)
        self.norm, self.rotate = wrap(norm16), wrap(rotate16)
        self.combine = wrap(combine)


def norm16(x, weight, eps):
    """RMSNorm to bfloat16."""
    return rms_norm(x, weight, eps).bfloat16()


def rotate16(x, cos, sin):
    """Rotary embedding to bfloat16."""
    return rotate(x.float(), cos, sin).bfloat16()


def combine(x, y, weights):
    """Add the weighted expert outputs ``y [n, top, hidden]`` to the residual."""
    return x + (y.float() * weights[..., None]).sum(1)


class Geometry:
    """Positions and rotary tables of a batch: prefix length P, S segments of length L."""

    def __init__(self, config, prefix, segments, length):
        self.prefix, self.segments, self.length = prefix, segments, length
        all_positions = torch.arange(prefix + length)
        cos, sin = rope_tables(config, all_positions)
        self.cos = torch.cat((cos[:prefix], cos[prefix:].repeat(segments, 1)))
        self.sin = torch.cat((sin[:prefix], sin[prefix:].repeat(segments, 1)))


def attend(config, geometry, q, k, v, sinks, layer):
    """Attention of the prefix to itself and of each segment to the prefix and itself."""
    p, s, length = geometry.prefix, geometry.segments, geometry.length
    kv, g, d = config.kv_heads, config.groups, config.head_dim
    window = 0 if layer % 2 else config.window
    q = q * d**-0.5
    qp = q[:p].view(p, kv, g, d).permute(1, 2, 0, 3).reshape(kv, g * p, d)
    kp, vp = k[:p].permute(1, 0, 2), v[:p].permute(1, 0, 2)
    scores = (qp @ kp.transpose(1, 2)).view(1, config.heads, p, p)
    weights = SinkSoftmax.apply(scores, sinks, 0, window).view(kv, g * p, p)
    head = (weights @ vp).view(kv, g, p, d).permute(2, 0, 1, 3).reshape(p, -1)

    qs = q[p:].view(s, length, kv, g, d).permute(0, 2, 3, 1, 4).reshape(s, kv, g * length, d)
    ks, vs = (t[p:].view(s, length, kv, d).permute(0, 2, 1, 3) for t in (k, v))
    keys = torch.cat((kp.expand(s, -1, -1, -1), ks), 2)
    values = torch.cat((vp.expand(s, -1, -1, -1), vs), 2)
    scores = (qs @ keys.transpose(2, 3)).view(s, config.heads, length, p + length)
    weights = SinkSoftmax.apply(scores, sinks, p, window).view(s, kv, g * length, p + length)
    own = (weights @ values).view(s, kv, g, length, d).permute(0, 3, 1, 2, 4).reshape(s * length, -1)
    return torch.cat((head, own))


def mixture(config, kernels, w, at, x):
    """Mixture of experts added to the residual; returns it and the balance loss."""
    h = kernels.norm(x, w[at + "post_attention_layernorm.weight"], config.eps)
    mlp = at + "mlp."
    logits = F.linear(h.float(), w[mlp + "router.weight"], w[mlp + "router.bias"])
    values, chosen = logits.topk(config.top, -1)
    slots, split, counts = place(chosen.flatten(), config.experts)
    rows = Spread.apply(h, slots, config.top, sum(split))
    a = GroupedLinear.apply(rows, w[mlp + "experts.gate_up_proj"], w[mlp + "experts.gate_up_proj_bias"], split)
    a = SwiGlu.apply(a, config.limit)
    y = GroupedLinear.apply(a, w[mlp + "experts.down_proj"], w[mlp + "experts.down_proj_bias"], split)
    y = Collect.apply(y, slots).view(-1, config.top, config.hidden)
    share = counts.float() / slots.numel()
    balance = config.experts * (logits.softmax(-1).mean(0) * share).sum()
    return kernels.combine(x, y, values.softmax(-1)), balance, counts


def hidden_states(config, kernels, w, prefix_ids, segment_ids):
    """Final normed states of the segments ``[S, L, hidden]`` and the summed balance loss."""
    s, length = segment_ids.shape
    geometry = Geometry(config, len(prefix_ids), s, length)
    x = F.embedding(torch.cat((prefix_ids, segment_ids.flatten())), w["model.embed_tokens.weight"])
    total, used = 0.0, []
    for layer in range(config.layers):
        at = f"model.layers.{layer}."
        h = kernels.norm(x, w[at + "input_layernorm.weight"], config.eps)
        q, k, v = (
            F.linear(h, w[f"{at}self_attn.{n}_proj.weight"], w[f"{at}self_attn.{n}_proj.bias"]).unflatten(-1, (-1, config.head_dim))
            for n in "qkv"
        )
        q, k = (kernels.rotate(t, geometry.cos, geometry.sin) for t in (q, k))
        a = attend(config, geometry, q, k, v, w[at + "self_attn.sinks"], layer)
        x = x + F.linear(a, w[at + "self_attn.o_proj.weight"], w[at + "self_attn.o_proj.bias"])
        x, balance, counts = mixture(config, kernels, w, at, x)
        total = total + balance
        used.append(counts)
    x = kernels.norm(x[len(prefix_ids):], w["model.norm.weight"], config.eps)
    return x.view(s, length, -1), total, used


def loss(config, kernels, w, batch):
    """``(summed cross-entropy, trained tokens, balance loss, expert counts)`` of a batch
    ``(prefix ids, segment ids [S, L], trained flags [S, L])``."""
    prefix, ids, trained = batch
    states, balance, used = hidden_states(config, kernels, w, prefix, ids)
    at = trained[:, 1:].flatten().nonzero().flatten()
    states, count = states[:, :-1].flatten(0, 1), len(at)
    padded = torch.cat((at, at.new_zeros(-count % TILE)))
    logits = F.linear(states.index_select(0, padded), w["lm_head.weight"])[:count].float()
    return F.cross_entropy(logits, ids[:, 1:].flatten()[at], reduction="sum"), count, balance, used
