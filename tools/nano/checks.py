"""What nano must do, checked through a function that answers requests.

Standard library only. ``ask`` takes a list of ``Request`` and returns a list of
``Reply``; it may be a server behind HTTP (``evaluate.py``) or the trainer's own
generator (``measure.py``).
"""

import ast
import json
import operator
import random
import re
from dataclasses import dataclass, field

import knowledge
import problems
import smalltalk

EFFORTS = ("low", "medium", "high")
CALCULATOR = {
    "type": "function",
    "function": {
        "name": "calculator", "description": "Evaluates an arithmetic expression.",
        "parameters": {
            "type": "object", "required": ["expression"],
            "properties": {"expression": {"type": "string", "description": "The expression, such as 12 * 7."}},
        },
    },
}
KEYS = ("answer", "result", "value", "sum", "total")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


@dataclass(frozen=True)
class Request:
    """One chat request in the API's terms."""

    effort: str
    messages: list
    tools: list = field(default_factory=list)
    response_format: dict | None = None


@dataclass(frozen=True)
class Reply:
    """The final text, the first tool call as ``(id, name, arguments)`` or None, and the
    number of reasoning tokens."""

    content: str
    call: tuple | None
    reasoning_tokens: int


def user(text):
    """A message list with one user message."""
    return [{"role": "user", "content": text}]


def last_number(text):
    """The last integer in a text, or None."""
    found = re.findall(r"-?\d+", text.replace(",", ""))
    return int(found[-1]) if found else None


def value_of(expression):
    """The value of an arithmetic expression, or None when it is not one."""

    def walk(node):
        if isinstance(node, ast.Expression):
            return walk(node.body)
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp):
            return -walk(node.operand)
        return OPERATORS[type(node.op)](walk(node.left), walk(node.right))

    try:
        return walk(ast.parse(expression, mode="eval"))
    except (SyntaxError, KeyError, AttributeError, TypeError, ZeroDivisionError):
        return None


def arithmetic(ask, count):
    """Held-out problems at every effort: ``{effort: {kind: [right, asked]}}`` with kind
    "all" too, and ``{effort: mean reasoning tokens}``."""
    test, table, lengths = problems.test_set(count), {}, {}
    for effort in EFFORTS:
        replies = ask([Request(effort, user(problem.text)) for problem in test])
        scores = {kind: [0, 0] for kind in (*problems.KINDS, "all")}
        for problem, reply in zip(test, replies):
            for kind in (problem.kind, "all"):
                scores[kind][0] += last_number(reply.content) == problem.answer
                scores[kind][1] += 1
        table[effort] = scores
        lengths[effort] = sum(reply.reasoning_tokens for reply in replies) / len(replies)
    return table, lengths


def tool_calls(ask, count, effort="medium"):
    """``(right calls, right answers after the result, asked)`` with the calculator offered."""
    test = problems.test_set(count, seed=5)
    first = ask([Request(effort, user(problem.text), [CALCULATOR]) for problem in test])
    right, follow = 0, []
    for problem, reply in zip(test, first):
        try:
            call_id, name, arguments = reply.call
            good = name == "calculator" and value_of(json.loads(arguments)["expression"]) == problem.answer
        except (TypeError, KeyError, ValueError):
            continue
        right += good
        if good:
            function = {"name": name, "arguments": arguments}
            messages = user(problem.text) + [
                {"role": "assistant", "content": "", "tool_calls": [{"id": call_id, "type": "function", "function": function}]},
                {"role": "tool", "tool_call_id": call_id, "content": str(problem.answer)},
            ]
            follow.append((problem, Request(effort, messages, [CALCULATOR])))
    second = ask([request for _, request in follow])
    finished = sum(last_number(reply.content) == problem.answer for (problem, _), reply in zip(follow, second))
    return right, finished, count


def json_answers(ask, count, effort="high"):
    """``(valid and right, asked)`` with a JSON schema for the answer."""
    test, requests = problems.test_set(count, seed=6), []
    for index, problem in enumerate(test):
        key = KEYS[index % len(KEYS)]
        schema = {"type": "object", "properties": {key: {"type": "integer"}}, "required": [key]}
        wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        requests.append((key, Request(effort, user(problem.text), response_format=wanted)))
    right = 0
    for problem, (key, _), reply in zip(test, requests, ask([request for _, request in requests])):
        try:
            right += json.loads(reply.content) == {key: problem.answer}
        except ValueError:
            continue
    return right, count


def questions(ask, effort="medium"):
    """``(exact answers, asked)`` for the phrasings kept out of training."""
    held = knowledge.held_out()
    replies = ask([Request(effort, user(question)) for question, _ in held])
    return sum(reply.content.strip() == entry.answer for (_, entry), reply in zip(held, replies)), len(held)


def honesty(ask, count, effort="medium"):
    """``(honest answers, asked)`` for off-topic questions, and the same with a needless tool."""
    rng = random.Random(9)
    asked = [smalltalk.off_topic(rng) for _ in range(count)]
    plain = ask([Request(effort, user(question)) for question in asked])
    offered = ask([Request(effort, user(question), [CALCULATOR]) for question in asked])
    honest = sum(reply.content.strip() == smalltalk.HONEST for reply in plain)
    return honest, sum(reply.call is None for reply in offered), count


def report(ask, count):
    """Run everything and print it as Markdown."""
    table, lengths = arithmetic(ask, count)
    print("| held-out problems | " + " | ".join(EFFORTS) + " |\n|---|" + "---:|" * len(EFFORTS))
    for kind in (*problems.KINDS, "all"):
        cells = [f"{100 * table[e][kind][0] / max(1, table[e][kind][1]):.1f} %" for e in EFFORTS]
        print(f"| {kind} ({table['low'][kind][1]}) | " + " | ".join(cells) + " |")
    print("| mean reasoning tokens | " + " | ".join(f"{lengths[e]:.0f}" for e in EFFORTS) + " |\n")
    called, finished, asked = tool_calls(ask, 100)
    print(f"calculator: {called} of {asked} calls right, {finished} of {called} finished right")
    print("JSON schema: {} of {} valid and right".format(*json_answers(ask, 100)))
    print("questions in unseen phrasings: {} of {} answered exactly".format(*questions(ask)))
    print("off topic: {0} of {2} honest; {1} of {2} without a needless call".format(*honesty(ask, 100)))
