"""How far next-token distributions are from a reference: Kullback-Leibler divergence and best token.

The text is `text.txt`, in windows of 256 tokens, each from an empty context; the second half of a
window counts, as in llama-perplexity, so that no token has hardly any context.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TEXT = Path(__file__).parent / "text.txt"
WINDOW = 256
COUNTED = range(WINDOW // 2, WINDOW - 1)


@dataclass
class Divergence:
    """KL(reference || other) in nats over all positions, and how often the best token is the same."""

    mean: float
    p99: float
    most: float
    same_best: float


def divergence(reference, other):
    """Of logits or log-probabilities, [positions, vocabulary]."""
    values, same = [], []
    for row, against in zip(reference, other, strict=True):
        p, q = log_softmax(row), log_softmax(against)
        # The rounding of the sum can leave a trifle below 0.
        values.append(max(float(np.sum(np.exp(p) * (p - q))), 0.0))
        same.append(p.argmax() == q.argmax())
    return Divergence(float(np.mean(values)), float(np.quantile(values, 0.99)), max(values),
                      float(np.mean(same)))


def log_softmax(logits):
    """Logarithms of probabilities, f64."""
    logits = logits.astype(np.float64)
    return logits - logits.max() - np.log(np.sum(np.exp(logits - logits.max())))


def throng_logits(throng, model, exact, tokens, folder, more=()):
    """Logits of the positions that count, f32 [positions, vocabulary]."""
    file, rows = Path(folder) / "window.safetensors", []
    for start in range(0, len(tokens) - WINDOW + 1, WINDOW):
        ids = ",".join(map(str, tokens[start:start + WINDOW]))
        run([throng, "score", "-m", model, f"--exact={exact}", "--logits", file, "--top", "0",
             "--tokens", ids, *more])
        data = file.read_bytes()
        length = int.from_bytes(data[:8], "little")
        about = json.loads(data[8:8 + length])["logits"]
        values = np.frombuffer(data, np.float32, offset=8 + length).reshape(about["shape"])
        rows.append(values[COUNTED.start:COUNTED.stop])
    return np.concatenate(rows)


def llama_logits(programs, model, more, folder):
    """Tokens of the text, and log-probabilities of the positions that count."""
    file = Path(folder) / "llama.logits"
    run([Path(programs) / "llama-perplexity", "-m", model, "-f", TEXT, "-c", str(WINDOW),
         "-b", str(WINDOW), "--save-all-logits", file, *more])
    return kept_by_llama(file.read_bytes())


def llama_in_f32(programs, model, folder):
    """The same from the same weights written out as f32, with keys and values in f32."""
    plain = Path(folder) / "f32.gguf"
    quantize = Path(programs) / "llama-quantize"
    run([quantize, "--allow-requantize", model, plain, "F32"])
    found = llama_logits(programs, plain, ["-ctk", "f32", "-ctv", "f32", "-fa", "off"], folder)
    plain.unlink()
    return found


def kept_by_llama(data):
    """What llama-perplexity saves: a scale, the least value and 16 bits a token for each row.

    What is 16 nats or more below the best is kept as the least.
    """
    context, vocab, chunks = np.frombuffer(data, np.int32, count=3, offset=8).tolist()
    if data[:8] != b"_logits_" or context != WINDOW:
        raise ValueError(f"this is no file of llama-perplexity with windows of {WINDOW} tokens")
    tokens = np.frombuffer(data, np.int32, count=chunks * context, offset=20)
    words = 2 * ((vocab + 1) // 2) + 4
    kept = np.frombuffer(data, np.uint16, offset=20 + tokens.nbytes)
    kept = kept.reshape(chunks * len(COUNTED), words)
    scales = kept[:, :4].copy().view(np.float32)
    return tokens.tolist(), scales[:, 1:] + scales[:, :1] * kept[:, 4:4 + vocab]


def as_llama_keeps(logits):
    """Logits after the same rounding, so that both sides of a comparison have it."""
    most = logits.max(axis=1, keepdims=True)
    least = np.maximum(logits.min(axis=1, keepdims=True), most - 16)
    scale = (most - least) / np.float32(65535)
    return least + scale * np.rint((np.maximum(logits, least) - least) / scale)


def run(command):
    """Runs a program; what it says is shown if it fails."""
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\nfailed: {result.stderr[-2000:]}")
