"""Whether Python reads what `throng quantize` writes: transformers, with compressed-tensors, loads each
folder, and its logits are compared with throng's own in exact mode.

Models are golden checkpoints of `crates/throng-model/tests/golden`. Not among the cases is what
transformers 5.23 has no way to read, whoever writes it: mixtures whose experts are INT8, or are not
quantised while something else is (it drops them, with an error); gpt-oss with more quantised than its
experts (it leaves them out, with a warning); and an embedding in MXFP4 that is the head too.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy
import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

GOLDEN = Path(__file__).parents[2] / "crates/throng-model/tests/golden"
LENGTH = 140

# As in throng's own tests.
TOLERANCE = 1e-3

# A golden checkpoint and what becomes of it.
CASES = (
    ("llama3-tied", "--attention int8"),
    ("llama3-tied", "--attention int8 --experts int8 --head int8"),
    ("llama3-tied", "--attention mxfp4 --experts mxfp4 --head int8"),
    ("qwen3-tied", "--attention mxfp4 --experts mxfp4"),
    ("qwen3-tied", "--attention int8 --experts mxfp4"),
    ("qwen3-moe-sparse", "--experts mxfp4"),
    ("qwen3-moe-sparse", "--attention int8 --experts mxfp4"),
    # What is not named stays FP8.
    ("fp8-blocks", "--head int8"),
    ("fp8-channels", "--attention int8"),
    ("fp8-channels", "--experts bf16"),
    ("fp8-tensors", "--attention mxfp4 --head int8"),
)


def run(*command):
    """Runs a command that must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr}")


def throng_logits(throng, folder, tokens, scratch):
    """Logits after each token, in f32 throughout."""
    file = Path(scratch) / "logits.safetensors"
    run(throng, "score", "-m", folder, "--exact=true", "--logits", file, "--top", "0",
        "--tokens", ",".join(map(str, tokens)))
    return load_file(file)["logits"]


@torch.no_grad()
def their_logits(folder, tokens):
    """Those of transformers, in f32 too."""
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    # What would happen at the first forward pass, but that MXFP4 becomes bf16 then. All its values do.
    model.hf_quantizer.compressor.decompress_model(model)
    torch.nn.Module.float(model)
    return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].numpy()


def log_softmax(logits):
    """Logarithms of probabilities, f64."""
    logits = logits.astype(numpy.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - numpy.log(numpy.exp(logits).sum(-1, keepdims=True))


def difference(throng, name, arguments):
    """The largest between both engines' log-probabilities."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        run(throng, "quantize", GOLDEN / name, folder, *arguments.split())
        reference = load_file(GOLDEN / name / "reference.safetensors")
        tokens = reference[f"tokens_{LENGTH}"].tolist()
        ours = throng_logits(throng, folder, tokens, scratch)
        theirs = their_logits(folder, tokens)
        # Else nothing was quantised, and all of this would say nothing.
        changed = numpy.abs(ours - reference[f"logits_{LENGTH}"]).max()
        assert changed > TOLERANCE, f"{name} {arguments}: the model is what it was"
        return float(numpy.abs(log_softmax(ours) - log_softmax(theirs)).max())


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--throng", required=True, help="the throng binary")
    options = parser.parse_args()
    found = {case: difference(options.throng, *case) for case in CASES}
    for (name, arguments), worst in found.items():
        print(f"{worst:.1e}  {name} {arguments}")
    if max(found.values()) > TOLERANCE:
        raise SystemExit(f"log-probabilities differ by more than {TOLERANCE}")


if __name__ == "__main__":
    main()
