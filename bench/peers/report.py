"""Measurements to Markdown tables: medians, the least and the most, and the ratio of medians.

Memory bandwidth on small shared machines jumps between states within minutes, and the speed of
decoding with it. So every figure of decoding has the bandwidth around it; where the bandwidths of a
run fall into two groups, each gets a table of its own.
"""

import math
import statistics
from collections import defaultdict

# Two states differ by more than this, or they are one with noise.
APART = 1.25
# Of all bandwidths, each state has this share at least: one that was met once is an accident.
SHARE = 0.1

TITLES = {
    "prefill": ("Prefill, tokens/s", "prompt"),
    "decode": ("Decode, tokens/s of all users", "users"),
    "context": ("Decode of one user, tokens/s", "context"),
}


def threshold(bandwidths):
    """Where the widest gap is, relative to what lies below it; None if there is but one state."""
    ordered = sorted(bandwidths)
    least = max(2, math.ceil(SHARE * len(ordered)))
    splits = range(least, len(ordered) - least + 1)
    widest = max(splits, key=lambda i: ordered[i] / ordered[i - 1], default=None)
    if widest is None or ordered[widest] / ordered[widest - 1] < APART:
        return None
    return math.sqrt(ordered[widest - 1] * ordered[widest])


def state(line, limit):
    """Slow or fast, or None if it changed during the measurement or is not known."""
    if not known(line):
        return None
    fast = [bandwidth > limit for bandwidth in line["bandwidth"]]
    return None if any(fast) != all(fast) else "fast" if all(fast) else "slow"


def known(line):
    return bool(line.get("bandwidth")) and None not in line["bandwidth"]


def report(lines):
    """All tables of a run."""
    figures = [line for line in lines if "speed" in line]
    parts = [part for part in TITLES if any(line["part"] == part for line in figures)]
    sections = []
    for part in parts:
        own = [line for line in figures if line["part"] == part]
        sections.append(table(part, own))
        if part != "prefill":
            sections += by_state(part, own)
    sections.append(resources([line for line in lines if "peak_bytes" in line]))
    failures = [line for line in lines if "failed" in line]
    sections += [f"Failed: {line['engine']}, {line['part']}, round {line['round'] + 1}"
                 for line in failures]
    return "\n\n".join(section for section in sections if section) + "\n"


def by_state(part, lines):
    limit = threshold([each for line in lines if known(line) for each in line["bandwidth"]])
    if limit is None:
        return []
    sections = []
    for name in ("slow", "fast"):
        own = [line for line in lines if state(line, limit) == name]
        side = "below" if name == "slow" else "above"
        where = f"memory {name}, {side} {limit / 1e9:.0f} GB/s before and after"
        if own:
            sections.append(table(part, own, where))
    between = sum(state(line, limit) is None for line in lines)
    if between:
        sections.append(f"Memory's state changed during {between} of {len(lines)} measurements.")
    return sections


def table(part, lines, where=None):
    """A row for each prompt, number of users or context; a column for each engine."""
    title, key = TITLES[part]
    engines = names(lines)
    speeds, bandwidths = defaultdict(list), defaultdict(list)
    for line in lines:
        speeds[line["x"], line["engine"]].append(line["speed"])
        if known(line):
            bandwidths[line["x"], line["engine"]] += line["bandwidth"]
    heading = [key]
    for engine in engines:
        heading += [engine, "memory, GB/s"]
    rows = [heading + ["ratio"] * (len(engines) == 2)]
    for x in sorted({line["x"] for line in lines}):
        row = [f"{x:,}"]
        for engine in engines:
            row += [cell(speeds[x, engine]), span(bandwidths[x, engine])]
        if len(engines) == 2:
            row.append(ratio(*(speeds[x, engine] for engine in engines)))
        rows.append(row)
    return f"{title}{': ' + where if where else ''}\n\n{markdown(rows)}"


def resources(lines):
    """Seconds of loading and one token, and bytes resident at most."""
    engines = names(lines)
    rows = [["", *engines] + ["ratio"] * (len(engines) == 2)]
    for part, what, key, unit in (
        ("load", "load and one token, s", "seconds", 1),
        ("load", "peak memory then, GB", "peak_bytes", 1e9),
        ("prefill", "peak memory of prefill, GB", "peak_bytes", 1e9),
    ):
        values = [[line[key] / unit for line in lines
                   if line["part"] == part and line["engine"] == engine] for engine in engines]
        if any(values):
            rows.append([what] + [cell(each, 2) for each in values])
            if len(engines) == 2:
                rows[-1].append(ratio(*values))
    return f"Load and memory\n\n{markdown(rows)}" if len(rows) > 1 else ""


def names(lines):
    """Engines, throng first."""
    return sorted({line["engine"] for line in lines}, key=lambda name: (name != "throng", name))


def cell(values, digits=1):
    if not values:
        return "–"
    low, middle, high = min(values), statistics.median(values), max(values)
    text = f"{middle:.{digits}f}"
    return text if len(values) == 1 else f"{text} ({low:.{digits}f}–{high:.{digits}f})"


def span(bandwidths):
    if not bandwidths:
        return "?"
    low, high = (f"{each / 1e9:.0f}" for each in (min(bandwidths), max(bandwidths)))
    return low if low == high else f"{low}–{high}"


def ratio(ours, theirs):
    if not ours or not theirs:
        return "–"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


def markdown(rows):
    ruler = ["---:" for _ in rows[0]]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], ruler, *rows[1:]])
