"""Muon for the hidden matrices, Adam for the rest."""

import torch

from model import is_expert


def is_muon(name):
    """Hidden matrices, one expert at a time; not embeddings, head or router."""
    return is_expert(name) or name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight", "o_proj.weight"))


def orthogonalise(g):
    """The nearest semi-orthogonal matrix to each ``[..., rows, columns]``, by five
    Newton-Schulz steps in bfloat16."""
    x = g.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return (x.mT if tall else x).float()


class Optimiser:
    """Keeps moments by parameter name; ``step`` takes gradients by name."""

    def __init__(self, parameters, muon_rate, adam_rate, weight_decay=0.01):
        self.parameters = parameters
        self.muon_rate, self.adam_rate, self.weight_decay = muon_rate, adam_rate, weight_decay
        self.state = {name: [torch.zeros_like(p) for _ in range(1 if is_muon(name) else 2)] for name, p in parameters.items()}
        self.steps = 0

    @torch.no_grad()
    def step(self, grads, scale):
        """One update with both learning rates multiplied by ``scale``."""
        self.steps += 1
        for name, p in self.parameters.items():
            g = grads[name].float()
            if is_muon(name):
                (m,) = self.state[name]
                m.lerp_(g, 0.05)
                update = orthogonalise(g.lerp(m, 0.95)) * max(1, p.shape[-2] / p.shape[-1]) ** 0.5
                p.mul_(1 - self.muon_rate * scale * self.weight_decay).add_(update, alpha=-self.muon_rate * scale)
                continue
            m, v = self.state[name]
            m.lerp_(g, 0.1)
            v.lerp_(g.square(), 0.02)
            m_hat, v_hat = m / (1 - 0.9**self.steps), v / (1 - 0.98**self.steps)
            p.add_(m_hat / (v_hat.sqrt() + 1e-9), alpha=-self.adam_rate * scale)
