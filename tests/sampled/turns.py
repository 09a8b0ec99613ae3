"""Sampled conversations of models that have functions to call: does any turn fail?

People ask, the model answers or calls, the functions say something, the model goes on. A turn is
one request, at temperature 1, in every other conversation streamed. It fails if nothing useful
comes back, or something that a program could not take: see FAULTS. Turns that are as long as they
may be are counted apart (`cut`), and so are calls whose arguments do not fit a schema to which
nobody wanted them held (`loose`).
"""

import collections
import concurrent.futures
import dataclasses
import json
import random
import re

import jsonschema
from asking import Answer, arguments, ask, server, stream_of
from toolsets import TOOLSETS, question, result

FAULTS = {
    "refused": "the server found fault with the request",
    "error": "the server found fault with itself",
    "late": "the deadline passed",
    "empty": "neither text nor a call",
    "broken": "arguments that are no JSON object",
    "unknown": "a call of no function that was offered",
    "leaked": "control tokens as text",
    "choice": "a call where none was to be, or none where one was to be",
    "strict": "arguments that do not fit a strict schema",
    "finish": "a reason to end that is not the one",
}
SYSTEM = (None, None, "You are a helpful assistant.", "Use the tools when they help.")
CONTROL = re.compile(r"<\|[a-z_]+\|>")
CHOICES = ["auto", "auto", "auto", "none", "required", "named"]
# Turns in which a model may call before the person speaks again.
ROUNDS = 4
# Tokens after which a conversation has been long enough.
LONG = 2500
# Failed turns that are shown.
SHOWN = 10


@dataclasses.dataclass
class Turn:
    """One turn, and what is wrong with it."""

    conversation: int
    tools: str
    body: dict
    answer: Answer
    faults: list
    loose: int = 0

    @property
    def cut(self):
        return self.answer.finish == "length"


def judge(turn):
    """Fills in what is wrong with a turn."""
    answer, choice = turn.answer, turn.body["tool_choice"]
    if answer.wrong:
        turn.faults.append(answer.wrong)
        return
    texts = [answer.content, answer.message.get("reasoning") or "", json.dumps(answer.calls)]
    if any(CONTROL.search(text) for text in texts):
        turn.faults.append("leaked")
    if turn.cut:
        return
    if not answer.calls and not answer.content.strip():
        turn.faults.append("empty")
    if answer.finish != ("tool_calls" if answer.calls else "stop"):
        turn.faults.append("finish")
    forced = choice == "required" or isinstance(choice, dict)
    if (forced and not answer.calls) or (choice == "none" and answer.calls):
        turn.faults.append("choice")
    offered = {tool["function"]["name"]: tool["function"] for tool in turn.body["tools"]}
    for call in answer.calls:
        judge_call(turn, call["function"], offered)


def judge_call(turn, called, offered):
    """The same for one of its calls."""
    choice = turn.body["tool_choice"]
    if isinstance(choice, dict) and called["name"] != choice["function"]["name"]:
        turn.faults.append("choice")
    function = offered.get(called["name"])
    if function is None:
        turn.faults.append("unknown")
        return
    values = arguments_of(called)
    if values is None:
        turn.faults.append("broken")
        return
    schema = function.get("parameters", {"type": "object"})
    if not jsonschema.Draft202012Validator(schema).is_valid(values):
        if function.get("strict"):
            turn.faults.append("strict")
        else:
            turn.loose += 1


def arguments_of(called):
    """The arguments of a call; `None` if they are no object."""
    try:
        values = json.loads(called["arguments"])
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def converse(number, base, args):
    """The turns of one conversation, up to one that fails or is cut off."""
    rng = random.Random(f"conversation {number}")
    name = list(TOOLSETS)[number % len(TOOLSETS)]
    system, effort = rng.choice(SYSTEM), rng.choice(("low", "low", "medium", "high"))
    keeps_reasoning = rng.random() < 0.5
    messages = [{"role": "system", "content": system}] if system else []
    turns = []
    for _ in range(rng.randint(1, 3)):
        messages.append({"role": "user", "content": question(rng, name)})
        for _ in range(ROUNDS):
            body = {
                "model": args.model,
                "messages": list(messages),
                "tools": TOOLSETS[name],
                "tool_choice": choice(rng, args.choices, TOOLSETS[name]),
                "temperature": 1,
                "seed": rng.getrandbits(32),
                "reasoning_effort": effort,
                "max_completion_tokens": args.max_tokens,
                **stream_of(number % 2),
            }
            turn = Turn(number, name, body, ask(base, body, args.deadline), [])
            judge(turn)
            turns.append(turn)
            answer = turn.answer
            if turn.faults or turn.cut or answer.prompt_tokens + answer.tokens > LONG:
                return turns
            message = {key: value for key, value in answer.message.items() if value}
            if not keeps_reasoning:
                message = {k: v for k, v in message.items() if not k.startswith("reasoning")}
            messages.append(message)
            if not answer.calls:
                break
            messages += [reaction(rng, call) for call in answer.calls]
    return turns


def choice(rng, choices, tools):
    """One of the choices; `named` is one of the functions."""
    chosen = rng.choice(choices)
    if chosen == "named":
        return {"type": "function", "function": {"name": rng.choice(tools)["function"]["name"]}}
    return chosen


def reaction(rng, call):
    """What the function says to a call."""
    said = result(rng, call["function"]["name"], arguments_of(call["function"]))
    return {"role": "tool", "tool_call_id": call["id"], "content": said}


def table(turns):
    """What became of the turns, by the functions on offer; then what is wrong with how many."""
    heads = ("turns", "texts", "calls", "loose", "cut", "failed")
    rows = [f"{'functions':<12}" + "".join(f"{head:>8}" for head in heads)]
    for name in [*TOOLSETS, "all"]:
        some = [turn for turn in turns if name in (turn.tools, "all")]
        cells = [
            len(some),
            sum(bool(turn.answer.content) for turn in some),
            sum(len(turn.answer.calls) for turn in some),
            sum(turn.loose for turn in some),
            sum(turn.cut for turn in some),
            sum(bool(turn.faults) for turn in some),
        ]
        rows.append(f"{name:<12}" + "".join(f"{cell:>8}" for cell in cells))
    faults = collections.Counter(fault for turn in turns for fault in set(turn.faults))
    rows += [f"{count} {fault}: {FAULTS[fault]}" for fault, count in faults.most_common()]
    return "\n".join(rows)


def main():
    """Command line."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=2000, help="at least")
    parser.add_argument("--choices", nargs="*", default=CHOICES, help="of tools, to draw from")
    parser.set_defaults(max_tokens=256)
    args = parser.parse_args()
    turns, first = [], args.first
    with (
        server(args.base) as base,
        concurrent.futures.ThreadPoolExecutor(args.concurrency) as pool,
    ):
        while len(turns) < args.turns:
            numbers = range(first, first + 2 * args.concurrency)
            for some in pool.map(lambda number: converse(number, base, args), numbers):
                turns += some
            first = numbers.stop
    failed = [turn for turn in turns if turn.faults]
    for turn in failed[:SHOWN]:
        faults = ", ".join(turn.faults)
        print(f"\nconversation {turn.conversation}: {faults} {turn.answer.said[:300]}")
        print(f"  {json.dumps(turn.answer.message, ensure_ascii=False)[:900]}")
    print(f"\n{table(turns)}\n\n{len(turns)} turns, {len(failed)} failed")
    # Where hardly any turn is complete, or nothing is called, nothing is shown.
    complete = [turn for turn in turns if not turn.cut]
    if failed or len(complete) < len(turns) / 2 or not any(turn.answer.calls for turn in turns):
        raise SystemExit(f"error: {len(failed)} failed, {len(complete)} complete of {len(turns)}")


if __name__ == "__main__":
    main()
