"""Golden cases as GGUF files, made by llama.cpp's own converter.

    python gguf_files.py LLAMA_CPP GOLDEN_DIR

LLAMA_CPP is a folder of llama.cpp's sources: the source package of `llama-cpp-python` has one in
`vendor/llama.cpp`. Each case of CASES in GOLDEN_DIR gets a `model.gguf` beside its
`reference.safetensors`, which stays what it is: the logits that transformers computes.
"""

import runpy
import shutil
import sys
import tempfile
from pathlib import Path

# Cases that GGUF has words for, and the type of their large tensors; MXFP4 stays as it is.
CASES = {
    "alternating": "bf16",
    "released-clamp": "bf16",
    "llama": "bf16",
    "llama-biased": "f32",
    "llama3-tied": "f16",
    "qwen3": "bf16",
    "qwen3-tied": "f16",
    "qwen3-moe-sparse": "bf16",
    "qwen3-moe-even": "f16",
    "gpt2": "f32",
    "gpt2-many-heads": "bf16",
}


def convert(sources, case, kind):
    """Runs the converter on a copy of the case, which its tokenizer reader wants to know better."""
    target = case / "model.gguf"
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / case.name
        shutil.copytree(case, copy)
        (copy / "reference.safetensors").unlink()
        (copy / "model.gguf").unlink(missing_ok=True)
        sys.argv = ["convert_hf_to_gguf.py", str(copy), "--outfile", str(target), "--outtype", kind]
        runpy.run_path(str(sources / "convert_hf_to_gguf.py"), run_name="__main__")


def main():
    """The command line."""
    sources, golden = Path(sys.argv[1]), Path(sys.argv[2])
    sys.path[:0] = [str(sources / "gguf-py"), str(sources)]
    from conversion.base import TextModel

    # The converter knows pre-tokenizers by the hash of what real vocabularies make of a text.
    TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
    for name, kind in CASES.items():
        convert(sources, golden / name, kind)


if __name__ == "__main__":
    main()
