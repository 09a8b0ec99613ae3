"""Headers of GGUF files as small as can be, for `gguf_header` to begin with: one of each architecture.

    pip install -r ../tools/golden/requirements.txt
    python seeds.py seeds/gguf_header

They end where the data of their tensors would begin.
"""

import math
import sys
from pathlib import Path

import gguf
import numpy
from gguf import GGMLQuantizationType as Type

TOKENS = ["a", "b", "ab", "Ġ", "Ġab", "Ċ", "<|start|>", "<|end|>"]
NORMAL, CONTROL = 1, 3
HIDDEN, HEADS, KV_HEADS, DIM, WIDTH, EXPERTS = 32, 2, 1, 16, 64, 2

WHOLE = {
    "block_count": 1,
    "context_length": 64,
    "embedding_length": HIDDEN,
    "feed_forward_length": WIDTH,
    "attention.head_count": HEADS,
}
ROTARY = {
    "attention.head_count_kv": KV_HEADS,
    "attention.key_length": DIM,
    "attention.value_length": DIM,
    "rope.dimension_count": DIM,
}
MIXTURE = {"expert_count": EXPERTS, "expert_used_count": 1, "expert_feed_forward_length": WIDTH}
RMS = {"attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 10000.0}
YARN = {"rope.scaling.factor": 32.0, "rope.scaling.original_context_length": 4096}


def attention(bias=(), norms=()):
    query, kv = HEADS * DIM, KV_HEADS * DIM
    rows = {"attn_q": query, "attn_k": kv, "attn_v": kv}
    yield "attn_norm.weight", Type.F32, (HIDDEN,)
    for name, out in rows.items():
        yield f"{name}.weight", Type.Q4_0, (out, HIDDEN)
        if bias:
            yield f"{name}.bias", Type.F32, (out,)
    for name in norms:
        yield f"{name}.weight", Type.F32, (DIM,)
    yield "attn_output.weight", Type.Q8_0, (HIDDEN, query)
    if bias:
        yield "attn_output.bias", Type.F32, (HIDDEN,)


def dense():
    yield "ffn_norm.weight", Type.F32, (HIDDEN,)
    yield "ffn_gate.weight", Type.Q5_0, (WIDTH, HIDDEN)
    yield "ffn_up.weight", Type.Q5_1, (WIDTH, HIDDEN)
    yield "ffn_down.weight", Type.Q4_1, (HIDDEN, WIDTH)


def experts(norm, kind, bias=()):
    yield f"{norm}.weight", Type.F32, (HIDDEN,)
    yield "ffn_gate_inp.weight", Type.F32, (EXPERTS, HIDDEN)
    shapes = {"gate": (WIDTH, HIDDEN), "up": (WIDTH, HIDDEN), "down": (HIDDEN, WIDTH)}
    if bias:
        yield "ffn_gate_inp.bias", Type.F32, (EXPERTS,)
    for name, (rows, cols) in shapes.items():
        yield f"ffn_{name}_exps.weight", kind, (EXPERTS, rows, cols)
        if bias:
            yield f"ffn_{name}_exps.bias", Type.F32, (EXPERTS, rows)


def gpt2():
    shapes = {
        "attn_qkv": (3 * HIDDEN, HIDDEN),
        "attn_output": (HIDDEN, HIDDEN),
        "ffn_up": (WIDTH, HIDDEN),
        "ffn_down": (HIDDEN, WIDTH),
    }
    for norm in ("attn_norm", "ffn_norm"):
        yield f"{norm}.weight", Type.F32, (HIDDEN,)
        yield f"{norm}.bias", Type.F32, (HIDDEN,)
    for name, (rows, cols) in shapes.items():
        yield f"{name}.weight", Type.F16, (rows, cols)
        yield f"{name}.bias", Type.F32, (rows,)


# Metadata, texts of it, how text is cut, tensors of the layer and of the model.
ARCHITECTURES = {
    "llama": (WHOLE | ROTARY | RMS, {}, "smollm", [*attention(), *dense()], []),
    "qwen3": (
        WHOLE | ROTARY | RMS,
        {},
        "qwen2",
        [*attention(norms=("attn_q_norm", "attn_k_norm")), *dense()],
        ["output"],
    ),
    "qwen3moe": (
        WHOLE | ROTARY | RMS | MIXTURE,
        {},
        "qwen2",
        [*attention(norms=("attn_q_norm", "attn_k_norm")), *experts("ffn_norm", Type.BF16)],
        [],
    ),
    "gpt-oss": (
        WHOLE | ROTARY | RMS | MIXTURE | YARN | {"attention.sliding_window": 128},
        {"rope.scaling.type": "yarn"},
        "gpt-4o",
        [
            *attention(bias=True),
            ("attn_sinks.weight", Type.F32, (HEADS,)),
            *experts("post_attention_norm", Type.MXFP4, bias=True),
        ],
        ["output"],
    ),
    "gpt2": (
        WHOLE | {"attention.layer_norm_epsilon": 1e-5},
        {},
        "gpt-2",
        [*gpt2()],
        ["output", "position_embd", "bias"],
    ),
}


def tensors(layer, model):
    yield "token_embd.weight", Type.F16, (len(TOKENS), HIDDEN)
    if "output" in model:
        yield "output.weight", Type.Q8_0, (len(TOKENS), HIDDEN)
    if "position_embd" in model:
        yield "position_embd.weight", Type.F32, (64, HIDDEN)
    if "bias" in model:
        yield "output_norm.bias", Type.F32, (HIDDEN,)
    yield "output_norm.weight", Type.F32, (HIDDEN,)
    for name, kind, shape in layer:
        yield f"blk.0.{name}", kind, shape


def write(path, name):
    numbers, texts, cut, layer, model = ARCHITECTURES[name]
    writer = gguf.GGUFWriter(path, name)
    for key, number in numbers.items():
        add = writer.add_float32 if isinstance(number, float) else writer.add_uint32
        add(f"{name}.{key}", number)
    for key, text in texts.items():
        writer.add_string(f"{name}.{key}", text)
    writer.add_string("tokenizer.ggml.model", "gpt2")
    writer.add_string("tokenizer.ggml.pre", cut)
    writer.add_array("tokenizer.ggml.tokens", TOKENS)
    types = [CONTROL if token.startswith("<|") else NORMAL for token in TOKENS]
    writer.add_array("tokenizer.ggml.token_type", types)
    writer.add_array("tokenizer.ggml.merges", ["a b", "Ġ ab"])
    writer.add_uint32("tokenizer.ggml.bos_token_id", TOKENS.index("<|start|>"))
    writer.add_uint32("tokenizer.ggml.eos_token_id", TOKENS.index("<|end|>"))
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_string("tokenizer.chat_template", "{{ messages }}")
    for tensor, kind, shape in tensors(layer, model):
        block, size = gguf.GGML_QUANT_SIZES[kind]
        writer.add_tensor_info(
            tensor,
            (*shape[:-1], shape[-1] // block * size),
            numpy.dtype(numpy.uint8),
            math.prod(shape) // block * size,
            kind,
        )
    writer.write_header_to_file(path)
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()


def main(folder):
    for name in ARCHITECTURES:
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, name)
        print(path, path.stat().st_size, "bytes", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
