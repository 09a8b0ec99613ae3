"""Answers to random JSON schemas: does each have its form?

Some answers are drawn to each schema, at temperature 1. The first is told of its form, the second
too and comes in pieces, the third is held to it without being told. Every answer that ends by
itself must be what the package `jsonschema` finds valid, formats and all. An answer that is as long
as it may be is the beginning of one, and counted apart. Anything else is a failure.
"""

import collections
import concurrent.futures
import dataclasses
import decimal
import json
import random
import sys

import jsonschema
from asking import Answer, arguments, ask, middle, server, stream_of
from schemas import LEVELS, keywords, schema

QUESTIONS = ("Give me an example.", "What is 37 * 48?", "Describe yourself.", "Make something up.")
OUTCOMES = ("valid", "cut", "invalid", "refused", "error", "late")
VALIDATOR = jsonschema.Draft202012Validator
# Failures that are shown.
SHOWN = 10


@dataclasses.dataclass
class Trial:
    """An answer to a schema, and what became of it."""

    number: int
    turn: int
    level: str
    schema: dict
    answer: Answer
    outcome: str
    why: str


def body(number, turn, form, model, max_tokens):
    """The request for one answer."""
    told = {"type": "json_schema", "json_schema": {"name": "form", "schema": form}}
    held = {"structured_outputs": {"json": form}} if turn % 3 == 2 else {"response_format": told}
    return {
        "model": model,
        "messages": [{"role": "user", "content": QUESTIONS[(number + turn) % len(QUESTIONS)]}],
        "temperature": 1,
        "seed": random.Random(f"{number} {turn}").getrandbits(32),
        "reasoning_effort": "low",
        "max_completion_tokens": max_tokens,
        **held,
        **stream_of(turn % 3 == 1),
    }


def number_of(text):
    """A JSON number, exactly; 1.0 is the integer 1."""
    try:
        number = decimal.Decimal(text)
        short = abs(number.adjusted()) < 5000
        return int(number) if short and number == number.to_integral_value() else number
    except decimal.InvalidOperation:
        return float(text)


def complaint(form, text):
    """What is wrong with a text that should have a form; `None` if nothing is."""
    try:
        value = json.loads(text, parse_float=number_of, parse_constant=refuse_constant)
    except ValueError as error:
        return f"no JSON: {error}"
    exact = json.loads(json.dumps(form), parse_float=number_of)
    error = jsonschema.exceptions.best_match(
        VALIDATOR(exact, format_checker=VALIDATOR.FORMAT_CHECKER).iter_errors(value)
    )
    return error and f"{error.json_path}: {error.message}"


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def judged(form, answer):
    """What became of an answer, and why."""
    if answer.wrong:
        return answer.wrong, answer.said
    if answer.finish == "length":
        return "cut", ""
    if answer.finish != "stop":
        return "error", f"ended with {answer.finish}"
    wrong = complaint(form, answer.content)
    return ("invalid", wrong) if wrong else ("valid", "")


def table(trials):
    """What became of the answers, by difficulty."""
    heads = [*OUTCOMES, "tokens", "most", "seconds", "most"]
    rows = [f"{'schemas':<8} {'':>5} {'answers':>7}" + "".join(f"{head:>8}" for head in heads)]
    for level in [*(level.name for level in LEVELS), "all"]:
        some = [trial for trial in trials if level in (trial.level, "all")]
        counts = collections.Counter(trial.outcome for trial in some)
        tokens = middle(trial.answer.tokens for trial in some)
        seconds = middle(trial.answer.seconds for trial in some)
        row = f"{level:<8} {len({trial.number for trial in some}):>5} {len(some):>7}"
        cells = [counts[outcome] for outcome in OUTCOMES]
        cells += [*tokens, *(f"{s:.1f}" for s in seconds)]
        rows.append(row + "".join(f"{cell:>8}" for cell in cells))
    return "\n".join(rows)


def vocabulary(trials):
    """The keywords of the schemas, and in how many each is."""
    forms = {trial.number: trial.schema for trial in trials}
    counts = collections.Counter(word for form in forms.values() for word in set(keywords(form)))
    return ", ".join(f"{word} {count}" for word, count in counts.most_common())


def main():
    """Command line."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--schemas", type=int, default=500)
    parser.add_argument("--answers", type=int, default=3, help="to each schema")
    args = parser.parse_args()
    # A model may write numbers of thousands of digits.
    sys.set_int_max_str_digits(0)
    decimal.DefaultContext.prec = 10_000
    numbers = range(args.first, args.first + args.schemas)

    with (
        server(args.base) as base,
        concurrent.futures.ThreadPoolExecutor(args.concurrency) as pool,
    ):

        def trial(number, turn):
            level, form = schema(number)
            request = body(number, turn, form, args.model, args.max_tokens)
            answer = ask(base, request, args.deadline)
            return Trial(number, turn, level, form, answer, *judged(form, answer))

        pairs = [(number, turn) for number in numbers for turn in range(args.answers)]
        trials = list(pool.map(trial, *zip(*pairs, strict=True)))
    failed = [trial for trial in trials if trial.outcome not in ("valid", "cut")]
    for trial in failed[:SHOWN]:
        print(f"\nschema {trial.number}, answer {trial.turn}: {trial.outcome}: {trial.why[:300]}")
        print(f"  {json.dumps(trial.schema, ensure_ascii=False)}\n  {trial.answer.content[:600]}")
    print(f"\n{table(trials)}\n\nschemas with each keyword: {vocabulary(trials)}")
    # Where hardly any answer is complete, nothing is shown.
    complete = sum(trial.outcome == "valid" for trial in trials)
    if failed or complete < len(trials) / 2:
        raise SystemExit(f"error: {len(failed)} failures, {complete} complete of {len(trials)}")


if __name__ == "__main__":
    main()
