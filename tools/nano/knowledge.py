"""Questions and answers about serving models, about gpt-oss and about throng.

The texts live in ``knowledge/*.txt``. An entry starts with ``= term``, lists further
questions with ``?`` and ends with its answer after ``!``. General phrasings are added
for the term, and one phrasing in ten is kept out of training.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("knowledge")
PHRASINGS = (
    "What is {t}?", "What is {t}?", "Explain {t}.", "Can you explain {t}?", "Tell me about {t}.", "Describe {t}.",
        "What about {t}?",
    "{t}?", "{t}", "I want to understand {t}.", "Please explain {t} to me.", "What do you know about {t}?",
        "Could you tell me about {t}?",
)
PLURAL_TAIL = re.compile(r"(biases|parameters|positions|weights|commands|models)$")


@dataclass(frozen=True)
class Entry:
    """One answer and every question that asks for it."""

    term: str
    questions: tuple
    answer: str


def is_held_out(question):
    """One phrasing in ten is never trained on."""
    return hashlib.sha256(question.encode()).digest()[0] < 26


def phrase(term, pattern):
    """A general question about ``term``; the bare term loses its article."""
    if pattern.startswith("{t}"):
        term = re.sub(r"^(the|an?) ", "", term)
    text = pattern.format(t=term)
    if PLURAL_TAIL.search(term):
        text = text.replace("What is", "What are")
    return text[0].upper() + text[1:] if not text.startswith(("throng", "nano", "-", "/")) else text


def parse(text):
    """Entries of one file."""
    for block in re.split(r"\n(?=[=] )", text.strip()):
        lines = block.strip().splitlines()
        term = lines[0][2:]
        asked = [line[2:] for line in lines if line.startswith("? ")]
        answer = next(line[2:] for line in lines if line.startswith("! "))
        questions = list(dict.fromkeys(asked + [phrase(term, pattern) for pattern in PHRASINGS]))
        yield Entry(term, tuple(questions), answer)


def load():
    """Every entry, in the order of the files."""
    return tuple(entry for path in sorted(FOLDER.glob("*.txt")) for entry in parse(path.read_text()))


ENTRIES = load()
TRAINED = tuple(tuple(q for q in entry.questions if not is_held_out(q)) for entry in ENTRIES)


def first_sentence(text):
    """The text up to its first full stop that ends a sentence."""
    return re.split(r"(?<=[.!?]) (?=[A-Z])", text)[0]


def vary(rng, question):
    """Small changes people make: case and punctuation."""
    if rng.random() < 0.15:
        question = question.lower()
    if rng.random() < 0.12:
        question = question.rstrip("?.")
    if rng.random() < 0.05:
        question = rng.choice(("Hi! ", "Hello, ", "Please: ", "Question: ")) + question
    return question


def thought(effort, term):
    """The analysis before an answer from memory."""
    if effort == "low":
        return ""
    if effort == "medium":
        return f"This is about {term}."
    return f"The user asks about {term}. I know this; I will explain it briefly."


def draw(rng, effort):
    """``(question, answer, analysis)`` of a random entry in a trained phrasing."""
    index = rng.randrange(len(ENTRIES))
    entry = ENTRIES[index]
    return vary(rng, rng.choice(TRAINED[index])), entry.answer, thought(effort, entry.term)


def held_out():
    """``(question, entry)`` for every phrasing kept out of training."""
    return [(q, entry) for entry in ENTRIES for q in entry.questions if is_held_out(q)]
