"""Fresh conversations of nano's kind as lines of JSON: ``python samples.py --count 200 > nano.jsonl``.

Standard library only. Every other one is a held-out problem with its worked solution, at each effort
in turn; the rest are tools, formats, talk and several turns, drawn as for training. A line has a
``prompt`` and a ``completion``, both in Harmony with its special tokens by name; a conversation in
which the model writes twice is two lines. ``throng eval --text nano.jsonl`` reads them.
"""

import argparse
import json
import random

import conversations
import harmony
import problems


def held_out(rng, effort):
    """A problem that cannot have been in training, and its solution."""
    problem = problems.draw_test(rng)
    rendering = harmony.Rendering().message("user", problem.text).generation_prompt()
    return rendering.analysis(problems.working(problem, effort)).final(problem.reply), False


def other(rng, effort):
    """Any kind of sample but plain arithmetic."""
    kinds = [(make, weight) for make, weight in conversations.MIX if make is not conversations.arithmetic]
    make = rng.choices([make for make, _ in kinds], [weight for _, weight in kinds])[0]
    return make(rng, effort)


def lines(pieces):
    """``(prompt, completion)`` for each run of pieces that the model writes."""
    text, begins = "", None
    for piece, _, trained in [*pieces, ("", False, False)]:
        if trained and begins is None:
            begins = len(text)
        if not trained and begins is not None:
            yield text[:begins], text[begins:]
            begins = None
        text += piece


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="conversations")
    parser.add_argument("--seed", type=int, default=20261122)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    for index in range(args.count):
        effort = conversations.EFFORTS[index // 2 % len(conversations.EFFORTS)]
        rendering, has_tools = (other if index % 2 else held_out)(rng, effort)
        date = f"{rng.randint(2024, 2035)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        for prompt, completion in lines(harmony.system(effort, date, has_tools) + rendering.pieces):
            print(json.dumps({"prompt": prompt, "completion": completion}))


if __name__ == "__main__":
    main()
