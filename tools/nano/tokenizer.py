"""The tokenizer: byte-level BPE, digits one by one, Harmony's special tokens last.

    python tokenizer.py OUT_DIR     trains it on rendered samples and writes its files
"""

import json
import random
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import harmony

VOCABULARY = 2048
_LETTERS = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
_SMALL = r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERN = "|".join((
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_LETTERS}]*[{_SMALL}]+{_CONTRACTION}",
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_LETTERS}]+[{_SMALL}]*{_CONTRACTION}",
    r"\p{N}",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
))


def train(texts):
    """Learn the merges from an iterable of ordinary texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(harmony.SPECIALS), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(harmony.SPECIALS))
    return tokenizer


def load(folder):
    """The tokenizer of a model folder."""
    return Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))


def encode_pieces(tokenizer, pieces, cache):
    """``(ids, trained flags)`` of a rendering; texts are memoised in ``cache``."""
    ids, flags = [], []
    for text, is_special, trained in pieces:
        if is_special:
            part = [tokenizer.token_to_id(text)]
        else:
            part = cache.get(text)
            if part is None:
                part = tokenizer.encode(text, add_special_tokens=False).ids
                if len(cache) < 20000:
                    cache[text] = part
        ids += part
        flags += [trained] * len(part)
    return ids, flags


def save(tokenizer, folder):
    """Write ``tokenizer.json`` and ``tokenizer_config.json``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False,
        "bos_token": "<|startoftext|>", "eos_token": "<|return|>", "pad_token": "<|endoftext|>",
        "model_input_names": ["input_ids", "attention_mask"], "model_max_length": 4096,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def main():
    """Train on a seeded draw of samples and every answer of the knowledge base."""
    import conversations
    import knowledge

    rng, texts = random.Random(7), []
    for _ in range(12000):
        sample = conversations.draw(rng)
        texts += [text for text, is_special, _ in sample.pieces if not is_special]
    for effort in ("low", "medium", "high"):
        texts += [text for text, special, _ in harmony.system(effort, "2026-03-14", True) if not special] * 100
    for entry in knowledge.ENTRIES:
        texts += [*entry.questions, entry.answer] * 4
    save(train(texts), sys.argv[1])


if __name__ == "__main__":
    main()
