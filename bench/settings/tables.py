"""Measurements of settings to Markdown: one table of what they read and how fast, one of answers."""

import statistics

from report import cell, markdown, span


def report(lines):
    """Both tables, as far as there is something in them, and what failed."""
    done = [line for line in lines if "failed" not in line]
    sections = [speeds(done), answers(done)]
    sections += [f"Failed: {line['part']}, weights {line['weights']}, keys and values {line['kv']}: "
                 + why(line["failed"]) for line in lines if "failed" in line]
    return "\n\n".join(section for section in sections if section) + "\n"


def why(failure):
    """What a program said last before its hint."""
    said = failure.partition("\nfailed: ")[2] or failure
    return said.partition("\nhint: ")[0].splitlines()[-1]


def by_setting(lines, part):
    """Lines of a part by weights and keys and values, in the order in which they first came."""
    found = {}
    for line in lines:
        if line["part"] == part:
            found.setdefault((line["weights"], line["kv"]), []).append(line)
    return found


def speeds(lines):
    """Bytes, and medians of the rounds with their ratio to the first setting's."""
    work, rounds = by_setting(lines, "work"), by_setting(lines, "speed")
    sizes = by_setting(lines, "quality")
    if not work:
        return ""
    columns = list(next(iter(rounds.values()))[0]["rates"]) if rounds else []
    heading = ["weights", "KV", "weights, MB", "MB a step"]
    for column in columns:
        name = "prefill" if column == "prefill" else f"{column} user{'s' * (column != '1')}"
        heading += [f"{name}, tokens/s", "ratio"]
    rows, first = [heading + ["memory, GB/s"] * bool(rounds)], None
    for setting in work:
        own = rounds.get(setting, [])
        row = [*setting, megabytes(sizes, setting, "weights_bytes"),
               megabytes(work, setting, "step_bytes")]
        if own:
            rates = {column: [line["rates"][column] for line in own] for column in columns}
            first = first or rates
            for column in columns:
                ratio = statistics.median(rates[column]) / statistics.median(first[column])
                row += [cell(rates[column]), f"{ratio:.2f}"]
            row.append(span([each for line in own for each in line["bandwidth"]]))
        rows.append(row + ["–"] * (len(rows[0]) - len(row)))
    return markdown(rows)


def megabytes(found, setting, key):
    values = [line[key] for line in found.get(setting, [])]
    return f"{values[0] / 1e6:,.1f}" if values else "–"


def answers(lines):
    """Agreement with the reference, and nano's problems."""
    quality, tasks = by_setting(lines, "quality"), by_setting(lines, "tasks")
    settings = list(quality) or list(tasks)
    if not settings:
        return ""
    heading = ["weights", "KV"]
    if quality:
        heading += ["mean KL", "99 % below", "most", "same best token", "perplexity", "of reference"]
    if tasks:
        heading += ["low", "medium", "high", "calls", "JSON"]
    rows = [heading]
    for setting in settings:
        row = list(setting)
        for line in quality.get(setting, []):
            kl, theirs = line["kl"], line["reference"]["perplexity"]
            row += [f"{kl[key]:.2e}" for key in ("mean", "p99", "max")]
            row += [f"{100 * line['top_1_agreement']:.2f} %", f"{line['perplexity']:.4f}",
                    f"{line['perplexity'] / theirs:.4f}"]
        for line in tasks.get(setting, []):
            solved = [line["solved"][effort] for effort in ("low", "medium", "high")]
            row += [f"{100 * part:.1f} %" for part in (*solved, line["calls"], line["json"])]
        rows.append(row + ["–"] * (len(heading) - len(row)))
    return markdown(rows)
