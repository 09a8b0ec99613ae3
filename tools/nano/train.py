"""Train a model: ``python train.py nano --run RUN_DIR --tokenizer DIR --steps N``.

Resumes from ``RUN_DIR/checkpoint.pt`` when it exists.
"""

import argparse
import json
import os
import time
from pathlib import Path

import torch

import batches
import forward
import model
import tokenizer as tokens
from optimiser import Optimiser

PRESETS = {"nano": model.NANO, "draft": model.DRAFT}


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("preset", choices=PRESETS)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--micro", type=int, default=2, help="batches a step")
    parser.add_argument("--tokens", type=int, default=4096, help="tokens a batch")
    parser.add_argument("--muon", type=float, default=0.015)
    parser.add_argument("--adam", type=float, default=0.0025)
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--flat", type=float, default=0.27, help="share of the run at full rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--check-every", type=int, default=200)
    return parser.parse_args()


def rate(step, args):
    """Warm up, hold, then decay linearly to nothing."""
    start = args.flat * args.steps
    decay = 1 - max(0.0, step - start) / (args.steps - start)
    return min((step + 1) / args.warmup, 1.0) * max(decay, 0.0)


@torch.no_grad()
def exact_match(config, kernels, weights, batch):
    """Share of rows whose trained tokens are all the argmax."""
    prefix, ids, trained = batch
    right = []
    for rows, flags in zip(ids.split(25), trained.split(25)):
        states, _, _ = forward.hidden_states(config, kernels, weights, prefix, rows)
        guesses = (states[:, :-1] @ weights["lm_head.weight"].T).argmax(-1)
        right.append(((guesses == rows[:, 1:]) | ~flags[:, 1:]).all(1))
    return torch.cat(right).float().mean().item()


def save(path, parameters, optimiser, step):
    """Write a checkpoint by rename, so that a killed run never leaves half of one."""
    state = {"parameters": parameters, "moments": optimiser.state, "updates": optimiser.steps, "step": step}
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def resume(path, parameters, optimiser):
    """Load a checkpoint in place; the next step's number."""
    state = torch.load(path)
    with torch.no_grad():
        for name, value in state["parameters"].items():
            parameters[name].copy_(value)
    optimiser.state, optimiser.steps = state["moments"], state["updates"]
    return state["step"]


def train_step(config, kernels, optimiser, stream, micro, scale):
    """One update; ``(mean loss, tokens, busiest expert's share of the even share)``."""
    weights = model.working_copy(optimiser.parameters, quantise=True)
    parts = [next(stream) for _ in range(micro)]
    trained = sum(int(part[2][:, 1:].sum()) for part in parts)
    total, seen, used = 0.0, 0, 0
    for part in parts:
        value, _, balance, counts = forward.loss(config, kernels, weights, part)
        (value / trained + forward.BALANCE * balance / micro / config.layers).backward()
        total, seen, used = total + value.item(), seen + part[1].numel(), used + torch.stack(counts)
    optimiser.step({name: w.grad for name, w in weights.items()}, scale)
    even = used.sum(1, keepdim=True) / config.experts
    return total / trained, seen, (used / even).max().item(), (used / even).min().item()


def main():
    """Train, log one JSON line every ten steps, check on held-out problems, save."""
    args = arguments()
    torch.set_num_threads(args.threads)
    args.run.mkdir(parents=True, exist_ok=True)
    config, tokenizer = PRESETS[args.preset], tokens.load(args.tokenizer)
    kernels = forward.Compiled(True)
    parameters = model.initialise(config, args.seed)
    optimiser = Optimiser(parameters, args.muon, args.adam)
    path = args.run / "checkpoint.pt"
    first = resume(path, parameters, optimiser) if path.exists() else 0
    stream = batches.Batcher(tokenizer, args.seed * 1000 + first, args.tokens)
    checks = {effort: batches.held_out(tokenizer, effort, 100) for effort in ("low", "medium", "high")}
    began, seen, smooth = time.time(), 0, None
    for step in range(first, args.steps):
        loss, tokens_now, most, least = train_step(config, kernels, optimiser, stream, args.micro, rate(step, args))
        seen += tokens_now
        smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
        line = {"step": step + 1, "loss": round(smooth, 4), "tokens": seen, "per_s": round(seen / (time.time() - began)),
                "busiest": round(most, 2), "idlest": round(least, 2)}
        if (step + 1) % args.check_every == 0 or step + 1 == args.steps:
            weights = model.working_copy(parameters, quantise=True)
            line |= {effort: exact_match(config, kernels, weights, batch) for effort, batch in checks.items()}
        if (step + 1) % 10 == 0 or "high" in line:
            print(json.dumps(line), flush=True)
        if (step + 1) % args.save_every == 0 or step + 1 == args.steps:
            save(path, parameters, optimiser, step + 1)


if __name__ == "__main__":
    main()
