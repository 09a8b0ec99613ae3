"""Switch off one feature of an exported model at a time: ``python ablate.py nano models/nano``.

Prints a Markdown table of the loss on fresh samples and of the share of held-out problems
whose high-effort working is right in every token. Nothing is retrained, so the table shows
what the trained model relies on.
"""

import dataclasses
import sys

import torch

import batches
import export
import forward
import model
import tokenizer as tokens
from train import PRESETS, exact_match

BATCHES = 24
PROBLEMS = 200


def without(weights, endings, value=0.0):
    """A copy of the weights with every tensor of these endings set to ``value``."""
    return {n: torch.full_like(w, value) if n.endswith(endings) else w for n, w in weights.items()}


def variants(config, weights):
    """``(what, config, weights)``; the first is the model as it is."""
    replace = dataclasses.replace
    biases = ("q_proj.bias", "k_proj.bias", "v_proj.bias", "o_proj.bias")
    yield "as trained", config, weights
    yield "no sinks", config, without(weights, ("sinks",), -1e4)
    yield "no attention biases", config, without(weights, biases)
    yield "no expert biases", config, without(weights, ("gate_up_proj_bias", "down_proj_bias"))
    yield "no router bias", config, without(weights, ("router.bias",))
    yield "no window (all layers full)", replace(config, window=0), weights
    yield "window 64", replace(config, window=64), weights
    yield "no YaRN (plain RoPE)", replace(config, yarn_factor=1.0), weights
    yield "no SwiGLU clamp", replace(config, limit=1e9), weights
    yield "SwiGLU clamp at 3", replace(config, limit=3.0), weights
    yield "three experts", replace(config, top=3), weights
    yield "two experts", replace(config, top=2), weights


def typed(weights):
    """Exported weights in the types that the training forward pass takes."""
    return {name: w.bfloat16() if model.is_matrix(name) else w for name, w in weights.items()}


@torch.no_grad()
def mean_loss(config, kernels, weights, samples):
    """Cross-entropy a trained token, in nats."""
    parts = [forward.loss(config, kernels, weights, batch)[:2] for batch in samples]
    return (sum(total for total, _ in parts) / sum(count for _, count in parts)).item()


def main():
    """Command line."""
    preset, folder = sys.argv[1:]
    torch.set_num_threads(1)
    config, tokenizer = PRESETS[preset], tokens.load(folder)
    weights, kernels = export.read(config, folder), forward.Compiled(False)
    stream = batches.Batcher(tokenizer, 424242, 4096)
    samples = [next(stream) for _ in range(BATCHES)]
    problems = batches.held_out(tokenizer, "high", PROBLEMS, seed=31)
    print("| switched off | loss | high effort, all tokens right |\n|---|---:|---:|")
    for name, changed, values in variants(config, weights):
        values = typed(values)
        loss, right = mean_loss(changed, kernels, values, samples), exact_match(changed, kernels, values, problems)
        print(f"| {name} | {loss:.4f} | {100 * right:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
