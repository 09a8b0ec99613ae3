"""How often a draft model's best token is nano's best token: ``python agree.py models/nano models/nano-draft``.

On fresh samples, at the positions where the model writes. This is the acceptance rate
of greedy speculation for the first guessed token.
"""

import sys

import torch

import batches
import export
import forward
import tokenizer as tokens
from ablate import BATCHES, typed
from train import PRESETS


@torch.no_grad()
def best(config, kernels, weights, batch):
    """The most probable next token at every trained position."""
    prefix, ids, trained = batch
    states, _, _ = forward.hidden_states(config, kernels, weights, prefix, ids)
    return (states[:, :-1][trained[:, 1:]] @ weights["lm_head.weight"].T).argmax(-1)


def main():
    """Command line."""
    folders = dict(zip(("nano", "draft"), sys.argv[1:]))
    torch.set_num_threads(1)
    kernels = forward.Compiled(False)
    models = [(PRESETS[preset], typed(export.read(PRESETS[preset], folder))) for preset, folder in folders.items()]
    stream = batches.Batcher(tokens.load(folders["nano"]), 777, 4096)
    same = []
    for _ in range(BATCHES):
        batch = next(stream)
        first, second = (best(config, kernels, weights, batch) for config, weights in models)
        same.append(first == second)
    same = torch.cat(same).float()
    print(f"{len(same)} tokens, {100 * same.mean():.1f} % the same")


if __name__ == "__main__":
    main()
