"""What transformers makes of a gpt-oss checkpoint in the released layout: its logits in f32 on CPU.

    python reference.py --model DIR --tokens FILE --out FILE.safetensors

FILE has token ids separated by white space or commas; `-` is standard input. The output has
`tokens` i32 [n] and `logits` f32 [n, vocabulary].
"""

import argparse
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import GptOssConfig, GptOssForCausalLM

import mxfp4


def read_weights(folder):
    """All stored tensors by name, whether in one file or in shards."""
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    if single.exists():
        return load_file(single)
    shards = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    return {name: tensor for shard in shards for name, tensor in load_file(folder / shard).items()}


def state_dict(stored):
    """Stored tensors as the model wants them: f32, experts dequantised and transposed."""
    state = {}
    for name, tensor in stored.items():
        if name.endswith("_blocks"):
            matrix = name.removesuffix("_blocks")
            state[matrix] = mxfp4.dequantise(tensor, stored[matrix + "_scales"]).transpose(1, 2)
        elif not name.endswith("_scales"):
            state[name] = tensor.float()
    return state


def load(folder, **changes):
    """The model in f32 with the eager code paths; ``changes`` replace top-level keys of its config."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    config.pop("quantization_config", None)
    config = GptOssConfig.from_dict(config | {"dtype": "float32"} | changes)
    config._attn_implementation = config._experts_implementation = "eager"
    model = GptOssForCausalLM(config).float().eval()
    model.load_state_dict(state_dict(read_weights(folder)), strict=True)
    return model


@torch.no_grad()
def logits(model, tokens):
    """Logits after each of the tokens: ``[n, vocabulary]``."""
    ids = torch.tensor([tokens], dtype=torch.long)
    return model(input_ids=ids, use_cache=False).logits[0]


def versions():
    """What computed the numbers, for a file's metadata."""
    return {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]}


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, type=Path, help="folder of the checkpoint")
    parser.add_argument("--tokens", required=True, help="file of token ids, or -")
    parser.add_argument("--out", required=True, type=Path, help="safetensors file to write")
    arguments = parser.parse_args()
    text = sys.stdin.read() if arguments.tokens == "-" else Path(arguments.tokens).read_text()
    tokens = [int(word) for word in text.replace(",", " ").split()]
    result = logits(load(arguments.model), tokens).contiguous()
    tensors = {"tokens": torch.tensor(tokens, dtype=torch.int32), "logits": result}
    save_file(tensors, arguments.out, metadata=versions())


if __name__ == "__main__":
    main()
