"""Whether `throng` cuts and merges text as the tokenizers do that GGUF files were made of.

    python vocabularies.py THRONG LLAMA_CPP

LLAMA_CPP/models has vocabularies of released models without their weights, and beside each some
texts (`.inp`) with the ids that HF's tokenizers give them (`.out`). Each vocabulary gets a tiny model
around it, and `throng score` says what ids it makes of the texts.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

NAMES = ("gpt-2", "llama-bpe", "qwen2")
SEPARATOR = "\n__ggml_vocab_test__\n"
HIDDEN, WIDTH = 4, 8


def wrap(vocabulary, target):
    """Writes a Llama of one layer with this vocabulary."""
    reader = gguf.GGUFReader(vocabulary)
    writer = gguf.GGUFWriter(target, "llama")
    for key, field in reader.fields.items():
        if key.startswith("tokenizer."):
            kind = field.types[0]
            writer.add_key_value(key, field.contents(), kind, sub_type=field.types[-1]
                                 if kind == gguf.GGUFValueType.ARRAY else None)
    for add, value in ((writer.add_block_count, 1), (writer.add_context_length, 4096),
                       (writer.add_embedding_length, HIDDEN), (writer.add_feed_forward_length, WIDTH),
                       (writer.add_head_count, 1), (writer.add_layer_norm_rms_eps, 1e-5)):
        add(value)
    tokens = len(reader.fields["tokenizer.ggml.tokens"].data)
    shapes = {
        "token_embd": (tokens, HIDDEN), "output_norm": (HIDDEN,), "blk.0.attn_norm": (HIDDEN,),
        "blk.0.attn_q": (HIDDEN, HIDDEN), "blk.0.attn_k": (HIDDEN, HIDDEN),
        "blk.0.attn_v": (HIDDEN, HIDDEN), "blk.0.attn_output": (HIDDEN, HIDDEN),
        "blk.0.ffn_norm": (HIDDEN,), "blk.0.ffn_gate": (WIDTH, HIDDEN),
        "blk.0.ffn_up": (WIDTH, HIDDEN), "blk.0.ffn_down": (HIDDEN, WIDTH),
    }
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", np.zeros(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def ids_of(throng, model, text):
    """What the command makes of a text."""
    command = [throng, "score", "-", "-m", model, "--top", "1"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return [json.loads(line)["token"] for line in done.stdout.splitlines()]


def main():
    """The command line."""
    throng, models = sys.argv[1], Path(sys.argv[2]) / "models"
    wrong = 0
    for name in NAMES:
        file = models / f"ggml-vocab-{name}.gguf"
        texts = Path(f"{file}.inp").read_text(encoding="utf-8").split(SEPARATOR)
        lines = Path(f"{file}.out").read_text(encoding="utf-8").splitlines()
        expected = [[int(token) for token in line.split()] for line in lines]
        with tempfile.TemporaryDirectory() as folder:
            model = f"{folder}/{name}.gguf"
            wrap(file, model)
            for text, tokens in zip(texts, expected):
                if not tokens:
                    continue
                found = ids_of(throng, model, text)
                # Raw text may begin with BOS; the expected ids never do.
                if found not in (tokens, [found[0], *tokens]):
                    wrong += 1
                    print(f"{name}: {text!r}\n  {found}\n  {tokens}")
        print(f"{name}: {len(texts)} texts")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
