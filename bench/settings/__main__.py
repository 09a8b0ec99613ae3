"""What settings of a model read, how fast they are and what they do to the answers, in two tables.

    python3 bench/settings --throng target/release/throng -m MODEL --text README.md \\
        --weights stored,int8 --kv auto,fp8 --raw RAW.jsonl
    python3 bench/settings --throng target/release/throng --text nano.jsonl --tasks 600
    python3 bench/settings --from RAW.jsonl

Every type of weights is run with every type of keys and values. Quality is computed once for each
(`throng eval` against --reference) and does not depend on the machine; for speed the settings take
turns, since a machine's speed drifts: in each round each is started anew and measures every figure
once (`throng bench`). --tasks asks that many held-out problems of nano at each effort, as
tools/nano/evaluate.py does. --raw keeps every measurement as a line of JSON, from which --from makes
the tables again.
"""

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent / "peers"), str(HERE.parents[1] / "tools" / "nano")]

from measure import Setting, quality, speed, tasks, work  # noqa: E402
from process import Failed  # noqa: E402
from tables import report  # noqa: E402
from turns import add_arguments, collect, numbers, parse  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="bench/settings", description=__doc__.splitlines()[0])
    parser.add_argument("--throng", help="the throng binary")
    parser.add_argument("-m", "--model", help="the model [default: nano, which is built in]")
    parser.add_argument("--weights", default="stored,int8,mxfp4",
                        help="for --quantize, or stored for what the files hold [default: %(default)s]")
    parser.add_argument("--kv", default="auto,fp8,int8",
                        help="for --kv-cache-dtype [default: %(default)s]")
    parser.add_argument("--base", default="--exact=false",
                        help="what all of them have [default: %(default)s]")
    parser.add_argument("--reference", default="--exact",
                        help="settings that answers are compared with [default: %(default)s]")
    parser.add_argument("--text", help="for throng eval; without it nothing is compared")
    parser.add_argument("--eval-args", default="", help="more for throng eval: '--context 1024'")
    parser.add_argument("--tasks", type=int, default=0, help="problems for nano at each effort")
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the prompt that is read")
    parser.add_argument("--users", type=numbers, default=[1, 16], help="users who decode at once")
    parser.add_argument("--context", type=int, default=128,
                        help="tokens of each user's prompt [default: 128]")
    parser.add_argument("--tokens", type=int, default=32, help="tokens that each user gets")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    add_arguments(parser)
    parsed = parse(parser)
    if not parsed.source and not parsed.throng:
        parser.error("--throng says what is measured, or --from what was")
    if parsed.tasks and parsed.model:
        parser.error("--tasks asks what nano was trained for, and -m names another model")
    return parsed


def measure(options, keep):
    """Quality of each setting, then rounds in which the settings take turns."""
    settings = [Setting(options, weights, kv)
                for weights in options.weights.split(",") for kv in options.kv.split(",")]
    once = [("work", work)]
    once += [("quality", quality)] * bool(options.text) + [("tasks", tasks)] * bool(options.tasks)
    steps = [(setting, name, part) for setting in settings for name, part in once]
    for turn in range(options.rounds):
        # None is always the one that comes first.
        steps += [(setting, "speed", speed) for setting in settings[:: -1 if turn % 2 else 1]]
    refused = set()
    for setting, name, part in steps:
        if setting in refused:
            continue
        print(f"{name}: {setting}", file=sys.stderr)
        about = {"part": name, "weights": setting.weights, "kv": setting.kv}
        try:
            keep({**about, **part(setting)})
        except Failed as failure:
            print(failure, file=sys.stderr)
            refused.add(setting)
            keep({**about, "failed": str(failure)})


def main():
    lines = collect(arguments(), measure)
    print(report(lines), end="")
    sys.exit(any("failed" in line for line in lines))


if __name__ == "__main__":
    main()
