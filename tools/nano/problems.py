"""Arithmetic problems, their worked solutions by effort, and the held-out split.

Standard library only: the trainer, the evaluation and the tests all draw from
this module, so they agree on what a problem is and which ones nobody trained on.

A problem is one or two elementary steps ``(op, a, b)``. Its working follows the
reasoning effort: none at low effort, a chain of partial results at medium, and
column-by-column arithmetic at high.
"""

import hashlib
import random
from dataclasses import dataclass

import stories

PLACES = ("units", "tens", "hundreds", "thousands", "ten thousands")
KINDS = ("add", "sub", "mul", "div", "two", "word")
TEST_WEIGHTS = (18, 18, 28, 12, 10, 14)
TRAIN_WEIGHTS = (12, 16, 24, 28, 12, 8)  # division is the slowest to learn
HELD_OUT_ONE_IN = 10


@dataclass(frozen=True)
class Problem:
    """One question. ``steps`` are the elementary operations in order; a step may
    use an earlier result, already filled in. ``reply`` is the plain final answer."""

    kind: str
    text: str
    expression: str
    steps: tuple
    answer: int
    reply: str


def apply(op, a, b):
    """The value of one elementary step; division is exact by construction."""
    return {"+": a + b, "-": a - b, "*": a * b, "/": a // b if op == "/" else 0}[op]


def is_table(step):
    """Single-digit facts: always in training, never in the test."""
    op, a, b = step
    return (a < 10 and b < 10) if op != "/" else (b < 10 and a // b < 10)


def is_held_out(step):
    """True for the tenth of all steps kept out of training, by a hash of the operands."""
    op, a, b = step
    if is_table(step):
        return False
    if op in "+*":
        a, b = min(a, b), max(a, b)
    if (op, a, b) == ("*", 37, 48):
        return True
    digest = hashlib.sha256(f"{op}:{a}:{b}".encode()).digest()
    return digest[0] * 256 + digest[1] < 65536 // HELD_OUT_ONE_IN


def digit(number, place):
    """The digit of ``number`` at ``place`` (0 is the units)."""
    return number // 10**place % 10


# --- high effort: column by column -----------------------------------------


def columns_add(a, b):
    """Column addition with the running result after each arrow."""
    rows, carry, so_far = [f"{a}+{b}"], 0, ""
    width = max(len(str(a)), len(str(b)))
    for place in range(width):
        x, y = digit(a, place), digit(b, place)
        total = x + y + carry
        so_far = (str(total) if place == width - 1 else str(total % 10)) + so_far
        rows.append(f"{PLACES[place]} {x}+{y}+{carry}={total} -> {so_far}")
        carry = total // 10
    return rows + [f"so {a + b}"]


def columns_sub(a, b):
    """Column subtraction; a negative column borrows ten. Swaps when b is larger."""
    if a < b:
        return [f"{a}-{b}", f"{b} is larger, so turn it around"] + columns_sub(b, a) + [f"so {a - b}"]
    rows, borrow, so_far = [f"{a}-{b}"], 0, ""
    for place in range(len(str(a))):
        x, y = digit(a, place), digit(b, place)
        value = x - y - borrow
        so_far = str(value % 10) + so_far
        fix = f", +10={value + 10}" if value < 0 else ""
        rows.append(f"{PLACES[place]} {x}-{y}-{borrow}={value}{fix} -> {so_far}")
        borrow = int(value < 0)
    return rows + [f"so {a - b}"]


def columns_mul_digit(a, d):
    """One number times one digit, from the units up."""
    rows, carry, so_far = [f"{a}*{d}"], 0, ""
    width = len(str(a))
    for place in range(width):
        x = digit(a, place)
        total = x * d + carry
        so_far = (str(total) if place == width - 1 else str(total % 10)) + so_far
        rows.append(f"{PLACES[place]} {x}*{d}={x * d}, +{carry}={total} -> {so_far}")
        carry = total // 10
    return rows + [f"so {a * d}"]


def columns_mul(a, b):
    """Long multiplication by a number of one or two digits."""
    if len(str(a)) < len(str(b)):
        return [f"{a}*{b} = {b}*{a}"] + columns_mul(b, a)
    if b < 10:
        return columns_mul_digit(a, b)
    low, high = b % 10, b // 10
    if low == 0:
        return [f"{a}*{b} = {a}*{high} and a zero"] + columns_mul_digit(a, high) + [f"so {a * b}"]
    rows = [f"{a}*{b} = {a}*{low} + {a}*{b - low}"] + columns_mul_digit(a, low)
    rows += columns_mul_digit(a, high) + [f"and a zero: {a * high * 10}"]
    return rows + columns_add(a * low, a * high * 10)


def columns_div(a, b):
    """Long division from the first digit down."""
    rows, rest, so_far = [f"{a}/{b}"], 0, ""
    for char in str(a):
        part = rest * 10 + int(char)
        rest = part % b
        so_far += str(part // b)
        rows.append(f"next {char}: {part}/{b}={part // b} rest {rest} -> {so_far}")
    return rows + [f"so {a // b}"]


def high_working(step):
    """Lines of careful working for one step."""
    op, a, b = step
    if is_table(step):
        return [f"{a}{op}{b}={apply(op, a, b)}"]
    return {"+": columns_add, "-": columns_sub, "*": columns_mul, "/": columns_div}[op](a, b)


# --- medium effort: a chain of partial results ------------------------------


def split_leading(number):
    """``(leading digit with its zeros, the rest)``: 296 is 200 and 96."""
    unit = 10 ** (len(str(number)) - 1)
    return number // unit * unit, number % unit


def medium_working(step):
    """One line of partial results for one step."""
    op, a, b = step
    value = apply(op, a, b)
    if is_table(step):
        return [f"{a}{op}{b} = {value}"]
    if op in "+-":
        lead, rest = split_leading(b)
        if rest == 0:
            return [f"{a}{op}{b} = {value}"]
        middle = apply(op, a, lead)
        return [f"{a}{op}{b} = {a}{op}{lead}{op}{rest} = {middle}{op}{rest} = {value}"]
    if op == "*":
        if a < b:
            a, b = b, a
        lead, rest = split_leading(b if b >= 10 else a)
        other = a if b >= 10 else b
        if rest == 0:
            return [f"{a}*{b} = {value}"]
        return [f"{a}*{b} = {other}*{lead} + {other}*{rest} = {other * lead} + {other * rest} = {value}"]
    lead, rest = split_leading(value)
    if rest == 0:
        return [f"{a}/{b} = {value}"]
    return [f"{a}/{b} = {lead * b}/{b} + {rest * b}/{b} = {lead} + {rest} = {value}"]


def working(problem, effort):
    """The text of the analysis message; empty at low effort."""
    if effort == "low":
        return ""
    solve = high_working if effort == "high" else medium_working
    return "\n".join(line for step in problem.steps for line in solve(step))


# --- drawing problems --------------------------------------------------------


def number(rng, digits):
    """A number with exactly ``digits`` digits (a single digit starts at 2)."""
    return rng.randint(2 if digits == 1 else 10 ** (digits - 1), 10**digits - 1)


def draw_step(rng, op):
    """One elementary step of a random size."""
    if op == "+":
        digits = rng.choice((1, 2, 2, 3, 3, 4, 4))
        a, b = number(rng, digits), number(rng, rng.randint(max(1, digits - 1), digits))
        return (op, a, b) if rng.random() < 0.6 else (op, b, a)
    if op == "-":
        digits = rng.choice((1, 2, 2, 3, 3, 4, 4))
        a, b = number(rng, digits), number(rng, rng.randint(max(1, digits - 1), digits))
        return (op, a, b) if (a >= b) != (rng.random() < 0.05) else (op, b, a)
    if op == "*":
        da, db = rng.choice(((1, 1), (2, 1), (2, 1), (3, 1), (4, 1), (2, 2), (2, 2), (2, 2), (2, 2), (3, 2)))
        a, b = number(rng, da), number(rng, db)
        return (op, a, b) if rng.random() < 0.7 else (op, b, a)
    b = rng.randint(2, 9) if rng.random() < 0.85 else rng.randint(10, 12)
    value = number(rng, rng.choice((1, 2, 2, 3)))
    return (op, value * b, b)


def draw_two(rng):
    """Two small steps joined with brackets or precedence: ``(expression, steps)``."""
    shape = rng.choice(("a+b*c", "a-b*c", "(a+b)*c", "(a-b)*c", "a+b-c", "a+b+c", "a*b-c"))
    a, b, c = rng.randint(10, 99), rng.randint(2, 60), rng.randint(2, 9)
    if shape in ("a+b*c", "a-b*c"):
        a += b * c if shape == "a-b*c" else 0
        first = ("*", b, c)
        return f"{a} {shape[1]} {b} * {c}", (first, (shape[1], a, b * c))
    if shape.startswith("("):
        op = shape[2]
        a, b = (max(a, b), min(a, b)) if op == "-" else (a, b)
        inner = apply(op, a, b)
        return f"({a} {op} {b}) * {c}", ((op, a, b), ("*", inner, c))
    if shape == "a*b-c":
        return f"{a} * {c} - {b}", (("*", a, c), ("-", a * c, b))
    c = rng.randint(10, 99) if shape == "a+b+c" else rng.randint(2, a + b)
    return f"{a} + {b} {shape[3]} {c}", (("+", a, b), (shape[3], a + b, c))


def draw(rng, kind):
    """One random problem of the given kind, from either side of the split."""
    if kind == "word":
        text, expression, steps, answer, reply = stories.draw(rng)
        return Problem(kind, text, expression, steps, answer, reply)
    if kind == "two":
        expression, steps = draw_two(rng)
    else:
        op = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[kind]
        step = draw_step(rng, op)
        expression, steps = f"{step[1]} {op} {step[2]}", (step,)
    answer = apply(*steps[-1])
    text = stories.phrase(rng, expression, steps)
    return Problem(kind, text, expression, steps, answer, f"{expression} = {answer}")


def draw_train(rng, kind=None):
    """A problem none of whose steps is held out."""
    while True:
        problem = draw(rng, kind or rng.choices(KINDS, TRAIN_WEIGHTS)[0])
        if not any(is_held_out(step) for step in problem.steps):
            return problem


def draw_test(rng, kind=None):
    """A problem that cannot have been in training: its every non-table step is held
    out for one-step kinds, at least one step for the others."""
    kind = kind or rng.choices(KINDS, TEST_WEIGHTS)[0]
    while True:
        problem = draw(rng, kind)
        if any(is_held_out(step) for step in problem.steps):
            return problem


def test_set(count, seed=20260314):
    """``count`` distinct held-out problems in the training mix of kinds."""
    rng, seen, problems = random.Random(seed), set(), []
    while len(problems) < count:
        problem = draw_test(rng)
        if problem.expression not in seen:
            seen.add(problem.expression)
            problems.append(problem)
    return problems
