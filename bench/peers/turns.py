"""What scripts have in common that measure in turns: rounds, raw lines, and what is made of both."""

import argparse
import json
import sys
from pathlib import Path


def numbers(text):
    found = [int(number) for number in text.split(",")]
    if min(found) < 1:
        raise argparse.ArgumentTypeError("expected numbers from 1, separated by commas")
    return found


def add_arguments(parser):
    parser.add_argument("--rounds", type=int, default=5, help="turns of each [default: 5]")
    parser.add_argument("--cap", type=float, default=1800,
                        help="seconds after which a program is killed [default: 1800]")
    parser.add_argument("--raw", help="new file for a line of JSON for each measurement")
    parser.add_argument("--from", dest="source", nargs="+", help="measure nothing: files of --raw")


def parse(parser):
    """The arguments; --raw names a file that is not there."""
    parsed = parser.parse_args()
    if parsed.raw and Path(parsed.raw).exists():
        parser.error(f"{parsed.raw} is there already; --raw names a new file")
    return parsed


def collect(options, measure):
    """The measurements of the files of --from, or those that `measure(options, keep)` keeps."""
    lines = []
    if options.source:
        for source in options.source:
            lines += [json.loads(line) for line in Path(source).read_text().splitlines()]
        return lines
    raw = open(options.raw, "x") if options.raw else None

    def keep(line):
        lines.append(line)
        if raw:
            print(json.dumps(line), file=raw, flush=True)

    try:
        measure(options, keep)
    except KeyboardInterrupt:
        print("interrupted: what follows is of what was measured", file=sys.stderr)
    return lines
