"""stub"""
from dataclasses import dataclass
import re
@dataclass(frozen=True)
class Entry:
    topic: str
    questions: tuple
    answer: str
ENTRIES=(Entry("batching",("What is batching?",),"Batching runs many requests together. It reads the weights once."),)
def first_sentence(t): return re.split(r"(?<=[.!?]) ",t)[0]
def draw(rng, effort):
    e=rng.choice(ENTRIES); return rng.choice(e.questions), e.answer, ""
