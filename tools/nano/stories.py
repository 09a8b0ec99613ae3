"""How a problem is put into words: phrasings of a bare expression, and small word problems."""

NAMES = ("Mia", "Tom", "Ana", "Ben", "Lea", "Sam", "Zoe", "Max", "Ida", "Leo", "Eva", "Jon", "Kim", "Ravi", "Mei",
    "Omar")
THINGS = ("apples", "books", "stamps", "coins", "marbles", "cards", "pens", "shells", "stickers", "tickets")
BOXES = ("boxes", "bags", "shelves", "crates", "packs", "rows")

ASKS = (
    "What is {e}?", "What is {e}?", "{e}", "{e}", "{e} = ?", "{e}=", "Compute {e}.", "Calculate {e}.",
    "How much is {e}?",
    "Please compute {e}.", "Can you work out {e}?", "What's {e}?", "Solve {e}.", "Tell me {e}.", "what is {e}",
    "Find {e}.", "{e}?", "what's {e}?", "What does {e} equal?", "Evaluate {e}.", "I need the result of {e}.",
    "Give me {e}, please.",
    "how much is {e}", "calculate {e}", "What do you get for {e}?", "Could you tell me what {e} is?", "Work out {e}",
)
WORDS = {
    "+": ("{a} plus {b}", "{a} plus {b}", "the sum of {a} and {b}", "{a} added to {b}"),
    "-": ("{a} minus {b}", "{a} minus {b}", "{a} take away {b}", "the difference of {a} and {b}"),
    "*": ("{a} times {b}", "{a} times {b}", "{a} multiplied by {b}", "the product of {a} and {b}"),
    "/": ("{a} divided by {b}", "{a} divided by {b}", "{a} over {b}", "the quotient of {a} and {b}"),
}


def phrase(rng, expression, steps):
    """A user's way to ask for ``expression``: symbols, tight or loose, or words."""
    style = rng.random()
    if style < 0.3 and len(steps) == 1:
        op, a, b = steps[0]
        written = rng.choice(WORDS[op]).format(a=a, b=b)
    elif style < 0.5:
        written = expression.replace(" ", "")
    else:
        written = expression
    if rng.random() < 0.15:
        written = written.replace("*", rng.choice(("x", "×"))).replace("/", "÷")
    text = rng.choice(ASKS).format(e=written)
    return text[0].upper() + text[1:] if style < 0.3 and rng.random() < 0.5 else text


def gains(rng):
    """Someone has some and gets more."""
    n, t = rng.choice(NAMES), rng.choice(THINGS)
    a, b = rng.randint(10, 999), rng.randint(10, 999)
    verb = rng.choice(("buys", "finds", "gets", "is given"))
    text = rng.choice((
        f"{n} has {a} {t} and {verb} {b} more. How many {t} does {n} have now?",
        f"{n} had {a} {t}. Then {n} {verb} {b} more. How many are there in all?",
        f"There are {a} {t} on the table and {b} in the drawer. How many {t} are there?",
    ))
    reply = f"There are {a + b} {t}." if text.startswith("There") else f"{n} has {a + b} {t}."
    return text, f"{a} + {b}", (("+", a, b),), a + b, reply


def loses(rng):
    """Someone has some and gives some away."""
    n, t = rng.choice(NAMES), rng.choice(THINGS)
    a = rng.randint(20, 999)
    b = rng.randint(2, a)
    verb = rng.choice(("gives away", "sells", "loses", "uses"))
    text = rng.choice((
        f"{n} has {a} {t} and {verb} {b}. How many {t} are left?",
        f"{n} had {a} {t} and {verb} {b} of them. How many remain?",
        f"A shop had {a} {t} and sold {b} today. How many {t} are left?",
    ))
    return text, f"{a} - {b}", (("-", a, b),), a - b, f"{a - b} {t} are left."


def packs(rng):
    """Equal groups."""
    t, x = rng.choice(THINGS), rng.choice(BOXES)
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    text = rng.choice((
        f"There are {a} {x} with {b} {t} each. How many {t} are there?",
        f"A hall has {a} {x} of {b} {t} each. How many {t} is that in total?",
        f"{rng.choice(NAMES)} buys {a} {x} with {b} {t} in each. How many {t} is that?",
        f"A server handles {a} requests a second. How many does it handle in {b} seconds?",
        f"One ticket costs {a} dollars. How much do {b} tickets cost?",
    ))
    thing = "requests" if "server" in text else "dollars" if "dollars" in text else t
    return text, f"{a} * {b}", (("*", a, b),), a * b, f"That is {a * b} {thing}."


def shares(rng):
    """Sharing equally."""
    t = rng.choice(THINGS)
    b, each = rng.randint(2, 9), rng.randint(3, 250)
    a = b * each
    text = rng.choice((
        f"{a} {t} are shared equally by {b} friends. How many {t} does each get?",
        f"{rng.choice(NAMES)} puts {a} {t} into {b} equal piles. How many {t} are in each pile?",
        f"Split {a} {t} into {b} equal groups. How many are in one group?",
    ))
    return text, f"{a} / {b}", (("/", a, b),), each, f"Each has {each} {t}."


def packs_then_loses(rng):
    """Equal groups, then some go: two steps."""
    n, t, x = rng.choice(NAMES), rng.choice(THINGS), rng.choice(BOXES)
    a, b = rng.randint(11, 60), rng.randint(2, 9)
    c = rng.randint(2, a * b)
    text = rng.choice((
        f"{n} has {b} {x} with {a} {t} each and gives away {c}. How many {t} are left?",
        f"A shop has {b} {x} of {a} {t} each. It sells {c} {t}. How many are left?",
    ))
    return text, f"{b} * {a} - {c}", (("*", b, a), ("-", a * b, c)), a * b - c, f"{a * b - c} {t} are left."


def draw(rng):
    """``(text, expression, steps, answer, reply)`` of one random story."""
    return rng.choice((gains, loses, packs, shares, packs_then_loses))(rng)
