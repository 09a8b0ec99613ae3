"""Batched greedy generation with a KV cache, in float32: the trainer's own evaluation path."""

import torch
import torch.nn.functional as F

from model import rms_norm, rope_tables, rotate, route, softmax_with_sinks, swiglu


class Generator:
    """Weights as exported (see ``model.working_copy(exact=True)``) and a batch's cache."""

    def __init__(self, config, weights, longest=640):
        self.config, self.w, self.longest = config, {k: v.detach() for k, v in weights.items()}, longest
        self.cos, self.sin = rope_tables(config, torch.arange(longest))

    def start(self, rows):
        """An empty cache for a number of rows."""
        c = self.config
        shape = (c.layers, rows, c.kv_heads, self.longest, c.head_dim)
        self.keys, self.values = torch.zeros(shape), torch.zeros(shape)

    def keep(self, rows):
        """Drop all rows of the cache but these."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]

    def attend(self, layer, q, k, v, positions):
        """Attention of new rows ``[B, n, heads, d]`` at ``positions [B, n]`` over the cache."""
        c, (b, n) = self.config, positions.shape
        rows, reach = torch.arange(b)[:, None], int(positions.max()) + 1
        self.keys[layer][rows, :, positions], self.values[layer][rows, :, positions] = k, v
        distance = positions[:, :, None] - torch.arange(reach)
        allowed = distance >= 0
        if layer % 2 == 0 and c.window:
            allowed &= distance < c.window
        mask = torch.where(allowed, 0.0, -1e9)[:, None]
        q = q.view(b, n, c.kv_heads, c.groups, c.head_dim).permute(0, 2, 3, 1, 4).flatten(2, 3)
        scores = (q @ self.keys[layer, :, :, :reach].mT * c.head_dim**-0.5).view(b, c.heads, n, reach)
        weights = softmax_with_sinks(scores, mask, self.w[f"model.layers.{layer}.self_attn.sinks"])
        out = weights.view(b, c.kv_heads, -1, reach) @ self.values[layer, :, :, :reach]
        return out.view(b, c.heads, n, c.head_dim).transpose(1, 2).flatten(-2)

    def experts(self, at, x):
        """The mixture of experts for rows ``[n, hidden]``."""
        c, w, mlp = self.config, self.w, at + "mlp."
        chosen, shares = route(F.linear(x, w[mlp + "router.weight"], w[mlp + "router.bias"]), c.top)
        out = torch.zeros_like(x)
        for e in chosen.unique().tolist():
            row, place = (chosen == e).nonzero(as_tuple=True)
            a = F.linear(x[row], w[mlp + "experts.gate_up_proj"][e], w[mlp + "experts.gate_up_proj_bias"][e])
            y = F.linear(swiglu(a, c.limit), w[mlp + "experts.down_proj"][e], w[mlp + "experts.down_proj_bias"][e])
            out.index_add_(0, row, y * shares[row, place, None])
        return out

    @torch.no_grad()
    def step(self, ids, positions, last=None):
        """Logits for new tokens ``ids [B, n]`` at ``positions [B, n]``: all of them, or only
        those at index ``last [B]`` of each row."""
        c, w = self.config, self.w
        b, n = ids.shape
        x = w["model.embed_tokens.weight"][ids]
        cos, sin = self.cos[positions].flatten(0, 1), self.sin[positions].flatten(0, 1)
        for layer in range(c.layers):
            at = f"model.layers.{layer}."
            h = rms_norm(x, w[at + "input_layernorm.weight"], c.eps)
            q, k, v = (
                F.linear(h, w[f"{at}self_attn.{s}_proj.weight"], w[f"{at}self_attn.{s}_proj.bias"]).unflatten(-1, (-1, c.head_dim))
                for s in "qkv"
            )
            q, k = (rotate(t.flatten(0, 1), cos, sin).view_as(t) for t in (q, k))
            a = self.attend(layer, q, k, v, positions)
            x = x + F.linear(a, w[at + "self_attn.o_proj.weight"], w[at + "self_attn.o_proj.bias"])
            h = rms_norm(x, w[at + "post_attention_layernorm.weight"], c.eps)
            x = x + self.experts(at, h.flatten(0, 1)).view_as(x)
        if last is not None:
            x = x[torch.arange(b), last]
        return F.linear(rms_norm(x, w["model.norm.weight"], c.eps), w["lm_head.weight"])

    def greedy(self, prompts, stops, budget=400, pad=0):
        """Greedy continuations (without prompts) of lists of ids, each up to a stop id."""
        self.start(len(prompts))
        lengths = torch.tensor([len(p) for p in prompts])
        width = int(lengths.max())
        ids = torch.tensor([p + [pad] * (width - len(p)) for p in prompts])
        positions = torch.arange(width).expand_as(ids)
        token = self.step(ids, positions, lengths - 1).argmax(-1)
        outputs, live, at = [[] for _ in prompts], torch.arange(len(prompts)), lengths
        for _ in range(budget):
            for row, value in zip(live.tolist(), token.tolist()):
                outputs[row].append(value)
            going = torch.tensor([value not in stops for value in token.tolist()]) & (at < self.longest)
            if not going.all():
                self.keep(going)
                live, token, at = live[going], token[going], at[going]
            if not len(live):
                break
            token = self.step(token[:, None], at[:, None], torch.zeros_like(at)).argmax(-1)
            at = at + 1
        return outputs
