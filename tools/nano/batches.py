"""Batches of samples: same system message, similar length, about the same number of tokens."""

import random
from collections import defaultdict

import torch

import conversations
import harmony
import problems
import tokenizer as tokens

LENGTH_STEP = 16
LONGEST = 640
SHUFFLE = 48


def random_date(rng):
    """A date the system message may carry."""
    return f"{rng.randint(2024, 2035)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


class Batcher:
    """Draws samples for ever and yields ``(prefix ids, segment ids [S, L], trained [S, L])``."""

    def __init__(self, tokenizer, seed, batch_tokens):
        self.tokenizer, self.batch_tokens = tokenizer, batch_tokens
        self.rng, self.cache = random.Random(seed), {}
        self.buckets, self.ready = defaultdict(list), []
        self.pad = tokenizer.token_to_id("<|endoftext|>")

    def __iter__(self):
        return self

    def __next__(self):
        while len(self.ready) < SHUFFLE:
            self.add(conversations.draw(self.rng))
        return self.ready.pop(self.rng.randrange(len(self.ready)))

    def add(self, sample):
        """File a sample in its bucket; a full bucket becomes a batch."""
        ids, trained = tokens.encode_pieces(self.tokenizer, sample.pieces, self.cache)
        if len(ids) > LONGEST:
            return
        length = -(-len(ids) // LENGTH_STEP) * LENGTH_STEP
        key = (sample.effort, sample.has_tools, length)
        self.buckets[key].append((ids, trained))
        if len(self.buckets[key]) * length >= self.batch_tokens:
            self.ready.append(self.collate(key, self.buckets.pop(key)))

    def collate(self, key, rows):
        """Pad rows to the bucket's length behind a system message with a random date."""
        effort, has_tools, length = key
        pieces = harmony.system(effort, random_date(self.rng), has_tools)
        prefix = tokens.encode_pieces(self.tokenizer, pieces, {})[0]
        ids = torch.full((len(rows), length), self.pad)
        trained = torch.zeros(len(rows), length, dtype=torch.bool)
        for row, (row_ids, row_trained) in enumerate(rows):
            ids[row, :len(row_ids)] = torch.tensor(row_ids)
            trained[row, :len(row_ids)] = torch.tensor(row_trained)
        return torch.tensor(prefix), ids, trained


def held_out(tokenizer, effort, count, seed=11):
    """One batch of ``count`` held-out problems with their reference solutions, for teacher
    forcing: a row whose every trained token is the argmax is a row greedy decoding solves."""
    rng, cache, rows = random.Random(seed), {}, []
    for _ in range(count):
        problem = problems.draw_test(rng)
        rendering = harmony.Rendering().message("user", problem.text).generation_prompt()
        rendering.analysis(problems.working(problem, effort)).final(problem.reply)
        rows.append(tokens.encode_pieces(tokenizer, rendering.pieces, cache))
    batcher = Batcher(tokenizer, seed, 0)
    return batcher.collate((effort, False, max(len(ids) for ids, _ in rows)), rows)
