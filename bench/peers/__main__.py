"""throng beside llama.cpp on one machine: prefill, decode by users, long contexts, load.

    python3 bench/peers --throng target/release/throng --model FILE.gguf \\
        --llama FOLDER --raw RAW.jsonl --plot PLOT.svg
    python3 bench/peers --from RAW.jsonl --plot PLOT.svg

FOLDER has llama-bench and llama-batched-bench. The engines take turns, since a machine's speed
drifts: in each round each is started anew and measures every figure of a part once. Prints tables
of medians with the least and the most in brackets; --raw keeps every measurement as a line of JSON,
from which --from makes the tables again.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from engines import Llama, Probe, Throng
from plot import plot
from process import Failed
from report import report
from turns import add_arguments, collect, numbers, parse

PARTS = ("prefill", "decode", "context", "load")


def arguments():
    parser = argparse.ArgumentParser(prog="bench/peers", description=__doc__.splitlines()[0])
    parser.add_argument("--throng", help="the throng binary")
    parser.add_argument("--model", help="the model: a GGUF file, or a folder for throng")
    parser.add_argument("--gguf", help="the same weights for llama.cpp [default: --model]")
    parser.add_argument("--llama", help="folder of llama.cpp's binaries; without it, throng alone")
    parser.add_argument("--parts", default="prefill,decode,load",
                        help=f"of {','.join(PARTS)} [default: %(default)s]")
    parser.add_argument("--prompts", type=numbers, default=[512, 2048],
                        help="tokens of the prompts whose prefill is measured [default: 512,2048]")
    parser.add_argument("--users", type=numbers, default=[1, 2, 4, 8, 16, 32],
                        help="users who decode at once [default: 1,2,4,8,16,32]")
    parser.add_argument("--context", type=int, default=128,
                        help="tokens of each user's own prompt [default: 128]")
    parser.add_argument("--contexts", type=numbers, default=[128, 8192, 32768],
                        help="tokens before one user's decoding [default: 128,8192,32768]")
    parser.add_argument("--tokens", type=int, default=16,
                        help="tokens that each user then gets [default: 16]")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of both")
    parser.add_argument("--throng-args", default="", help='more for throng: "--isa avx2"')
    parser.add_argument("--llama-args", default="", help="more for llama.cpp's programs")
    parser.add_argument("--plot", help="file for an SVG of decoding over users")
    add_arguments(parser)
    parsed = parse(parser)
    parsed.parts = parsed.parts.split(",")
    if not set(parsed.parts) <= set(PARTS):
        parser.error(f"--parts is some of {','.join(PARTS)}")
    if not parsed.source and not (parsed.throng and parsed.model):
        parser.error("--throng and --model say what is measured, or --from what was")
    parsed.gguf = parsed.gguf or parsed.model
    return parsed


def machine():
    """What the measurements were made on."""
    lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"date": time.strftime("%Y-%m-%d %H:%M"), "processor": models[:1], "cores": len(models),
            "arguments": sys.argv[1:]}


def warm(files):
    """Reads files, so that as much of them is cached as memory has room for."""
    for file in files:
        with open(file, "rb", buffering=0) as stream:
            while stream.read(1 << 24):
                pass


def measure(options, keep):
    """Every part's rounds, in each of which the engines take turns."""
    keep(machine())
    probe = Probe(options)
    engines = [Throng(options, probe)] + [Llama(options, probe)] * bool(options.llama)
    cases = {"prefill": [options.prompts], "decode": [options.users], "load": [None],
             # A long context takes long to fill: engines change after each.
             "context": [[context] for context in options.contexts]}
    for part in options.parts:
        for turn in range(options.rounds):
            for case in cases[part]:
                # Neither is always the one that comes second.
                for engine in engines if turn % 2 else reversed(engines):
                    print(f"{part}, round {turn + 1} of {options.rounds}: {engine.name}",
                          file=sys.stderr)
                    about = {"part": part, "engine": engine.name, "round": turn}
                    try:
                        if part == "load":
                            warm(engine.files())
                        for line in getattr(engine, part)(case):
                            keep({**about, **line})
                    except Failed as failure:
                        print(failure, file=sys.stderr)
                        keep({**about, "failed": str(failure)})


def main():
    options = arguments()
    lines = collect(options, measure)
    print(report(lines), end="")
    if options.plot:
        drawing = plot(lines)
        if drawing is None:
            sys.exit("no decoding was measured, so there is nothing to plot")
        Path(options.plot).write_text(drawing)
    sys.exit(any("failed" in line for line in lines))


if __name__ == "__main__":
    main()
