"""What llama.cpp makes of SmolLM2, for `test_smollm2.py` to compare with.

    python3 reference.py LLAMA_CPP_BIN SMOLLM2.gguf [PART ...]

A PART is answers, texts, perplexity or divergence; without one, all are made. LLAMA_CPP_BIN is a folder with llama-server, llama-perplexity and llama-quantize. Writes
`reference.json`. llama.cpp rounds activations to INT8 before it multiplies them with Q4_1 weights,
which changes greedy answers after some tokens; so answers are taken from the same weights written
out as f32, with keys and values in f32. Perplexity is taken from both, and the divergence of the
rounded distributions from those in f32 (needs numpy).
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from divergence import divergence, llama_in_f32, llama_logits

HERE = Path(__file__).parent
PORT = 18321
ANSWER_TOKENS = 48
PROMPTS = [
    "Why is the sky blue? Answer in two sentences.",
    "Write a Python function that adds two numbers.",
    "Tell me a short story about a fox and a crow.",
]
# What pre-tokenizers, merges and special tokens could get wrong.
TEXTS = [
    "Hello, world!", "I'LL say it's 12345678 o'clock", "  two  spaces   and\ttabs\n\n\nlines ",
    "naïve café – “quotes” … 東京 привет مرحبا", "🦊🦊 emoji, a\u0301 combining, ﬁ ligature",
    "<|im_start|>user\n<|im_end|>", "def f(x):\n    return x**2 # 3.14e-10\r\n", "½ ² Ⅷ ٣٤ १२",
]


def post(path, body):
    """A request to llama-server."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}", json.dumps(body).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def wait():
    """Until the server answers."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError("llama-server does not answer")


def answers(server, model):
    """Greedy answers and token ids of the texts."""
    command = [server, "-m", model, "--port", str(PORT), "-c", "1024", "-np", "1",
               "-ctk", "f32", "-ctv", "f32", "-fa", "off", "--jinja"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            wait()
            for prompt in PROMPTS:
                chat = post("/apply-template", {"messages": [{"role": "user", "content": prompt}]})
                answer = post("/completion", {
                    "prompt": chat["prompt"], "n_predict": ANSWER_TOKENS, "temperature": 0,
                    "return_tokens": True, "cache_prompt": False})
                yield "answers", prompt, answer["tokens"]
            for text in TEXTS:
                body = {"content": text, "add_special": True, "parse_special": False}
                yield "texts", text, post("/tokenize", body)["tokens"]
        finally:
            process.terminate()


def perplexity(program, model):
    """Of the project's LICENSE, in windows of 512 tokens of which the second halves count."""
    text = HERE.parents[1] / "LICENSE"
    command = [program, "-m", model, "-f", text, "-c", "512", "-b", "512",
               "-ctk", "f32", "-ctv", "f32", "-fa", "off"]
    output = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Final estimate: PPL = ([0-9.]+)", output.stdout + output.stderr)
    return float(found[1])


def rounding(programs, model, folder):
    """The mean divergence of llama.cpp's distributions, as it runs fast, from those in f32."""
    _, plain = llama_in_f32(programs, model, folder)
    _, stored = llama_logits(programs, model, ["-fa", "on"], folder)
    return divergence(plain, stored).mean


def main():
    """The command line."""
    programs, model, wanted = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    file = HERE / "reference.json"
    reference = json.loads(file.read_text()) if wanted else {}
    with tempfile.TemporaryDirectory() as folder:
        plain = f"{folder}/f32.gguf"
        quantize = [programs / "llama-quantize", "--allow-requantize", model, plain, "F32"]
        subprocess.run(quantize, check=True, capture_output=True)
        if not wanted or {"answers", "texts"} & set(wanted):
            reference |= {"answers": {}, "texts": {}}
            for kind, key, tokens in answers(programs / "llama-server", plain):
                reference[kind][key] = tokens
        if not wanted or "perplexity" in wanted:
            files = (("as stored", model), ("f32", plain))
            reference["perplexity"] = {
                name: perplexity(programs / "llama-perplexity", file) for name, file in files}
        if not wanted or "divergence" in wanted:
            reference["divergence"] = rounding(programs, model, folder)
    file.write_text(json.dumps(reference, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
