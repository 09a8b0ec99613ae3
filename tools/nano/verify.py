"""Check an exported model against Hugging Face's GptOssForCausalLM: ``python verify.py nano models/nano``.

Both run in float32 on the same weights; the check fails when logits differ by 1e-4 or
more. It also checks that our MXFP4 unpacking is theirs, and that the tokenizer keeps
spans apart as inference does.
"""

import sys

import torch
from transformers import AutoTokenizer, GptOssConfig, GptOssForCausalLM

import export
import harmony
import tokenizer as tokens
from generate import Generator
from train import PRESETS

TOLERANCE = 1e-4
QUESTION = "What is 37 * 48?"


def reference(folder, weights):
    """Hugging Face's model in float32, holding ``weights``."""
    config = GptOssConfig.from_pretrained(folder)
    del config.quantization_config
    config._attn_implementation = "eager"
    network = GptOssForCausalLM(config).float().eval()
    state = network.state_dict()
    for name, value in weights.items():
        # Hugging Face keeps dequantised experts as [experts, columns, rows].
        state[name] = value.transpose(1, 2).contiguous() if name.endswith(("gate_up_proj", "down_proj")) else value
    network.load_state_dict(state)
    return network


def check_unpacking(folder, weights):
    """Our unpacked experts equal the ones their loader makes from the same blocks."""
    from safetensors.torch import load_file
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    table = load_file(f"{folder}/model.safetensors")
    for name in (n for n in weights if n.endswith(("gate_up_proj", "down_proj"))):
        theirs = convert_moe_packed_tensors(table[name + "_blocks"], table[name + "_scales"], dtype=torch.float32)
        assert torch.equal(theirs.transpose(1, 2), weights[name]) or torch.equal(theirs, weights[name]), name


def check_tokenizer(folder):
    """Special tokens are single, digits too, and text survives a round trip."""
    ours, theirs = tokens.load(folder), AutoTokenizer.from_pretrained(folder)
    for special in harmony.SPECIALS:
        assert len(ours.encode(special).ids) == 1, special
    assert len(ours.encode("1776").ids) == 4
    header = "assistant to=functions.calculator"
    assert ours.encode(header).ids == ours.encode("assistant").ids + ours.encode(header[9:]).ids
    for text in (header, "commentary ", "naïve 漢字 🙂\n\n  x", QUESTION):
        assert ours.decode(ours.encode(text).ids) == text
        assert ours.encode(text).ids == theirs.encode(text, add_special_tokens=False), text


def main():
    """Command line; exit status 1 on a difference."""
    preset, folder = sys.argv[1:]
    config = PRESETS[preset]
    weights = export.read(config, folder)
    check_unpacking(folder, weights)
    check_tokenizer(folder)
    pieces = harmony.system("high", "2026-03-14", False) + harmony.Rendering().message("user", QUESTION).pieces
    ids = tokens.encode_pieces(tokens.load(folder), pieces * 4, {})[0]
    ids = torch.tensor([ids])
    generator = Generator(config, weights)
    generator.start(1)
    ours = generator.step(ids, torch.arange(ids.shape[1])[None])
    with torch.no_grad():
        theirs = reference(folder, weights)(ids).logits
    worst = (ours - theirs).abs().max().item()
    print(f"{ids.shape[1]} tokens, logits up to {theirs.abs().max():.2f}, largest difference {worst:.2e}")
    sys.exit(worst >= TOLERANCE)


if __name__ == "__main__":
    main()
