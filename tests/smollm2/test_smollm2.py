"""SmolLM2 as `throng` runs it against `reference.json`, which llama.cpp made."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from divergence import TEXT, as_llama_keeps, divergence, throng_logits

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "reference.json").read_text())
WINDOW = 512
SAME_TOKENS = 32


def throng(*arguments):
    """What the command prints."""
    model = ["-m", os.environ["THRONG_SMOLLM2"]]
    command = [os.environ["THRONG_BIN"], *arguments, *model]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def score(*arguments):
    """A line for each token."""
    return [json.loads(line) for line in throng("score", "--top", "1", *arguments).splitlines()]


def perplexity(exact):
    """As llama-perplexity counts."""
    windows = ["--windows", "disjoint", "--context", str(WINDOW)]
    text = str(HERE.parents[1] / "LICENSE")
    return json.loads(throng("eval", "--json", "--text", text, f"--exact={exact}", *windows))["perplexity"]


class SmolLM2(unittest.TestCase):
    """Each test starts the command anew."""

    def test_greedy_answers_begin_as_llama_cpps(self):
        for prompt, tokens in REFERENCE["answers"].items():
            with self.subTest(prompt):
                ids = ",".join(map(str, tokens[:SAME_TOKENS]))
                expected = "".join(line["text"] for line in score("--tokens", ids))
                sampling = ["--temperature", "0", "--max-tokens", str(len(tokens))]
                answer = throng("generate", prompt, "--exact", *sampling)
                self.assertTrue(answer.startswith(expected), f"{answer!r}\n{expected!r}")

    def test_text_becomes_the_same_tokens(self):
        for text, tokens in REFERENCE["texts"].items():
            with self.subTest(text):
                self.assertEqual([line["token"] for line in score(text)], tokens)

    def test_perplexity_is_llama_cpps(self):
        for exact, kind, tolerance in (("true", "f32", 1e-3), ("false", "as stored", 1e-2)):
            with self.subTest(kind):
                expected = REFERENCE["perplexity"][kind]
                ours = perplexity(exact)
                print(f"perplexity, {kind}: {ours:.4f}, llama.cpp's {expected}")
                self.assertLess(abs(ours / expected - 1), tolerance)

    def test_rounding_costs_no_more_than_in_llama_cpp(self):
        tokens = [line["token"] for line in score(TEXT.read_text())]
        with tempfile.TemporaryDirectory() as folder:
            exact, fast = (as_llama_keeps(throng_logits(
                os.environ["THRONG_BIN"], os.environ["THRONG_SMOLLM2"], exact, tokens, folder))
                for exact in ("true", "false"))
        ours, theirs = divergence(exact, fast).mean, REFERENCE["divergence"]
        print(f"divergence by rounding: {ours:.2e}, llama.cpp's {theirs:.2e}")
        self.assertGreater(ours, 0, "the fast mode rounds")
        self.assertLess(ours, theirs)


if __name__ == "__main__":
    unittest.main()
