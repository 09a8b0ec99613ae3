"""Blocks of each of ggml's quantised types, and the values that its own dequantisation gives them.

    python blocks.py ../../crates/throng-ops/tests/golden

Integers are random bytes. Scales are half precision: some of the size that weights have, then the
largest, the smallest normal and subnormal ones, both zeros, of either sign.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file

# Where a block has its half-precision scales.
SCALES = {
    Type.Q4_0: (0,),
    Type.Q4_1: (0, 2),
    Type.Q5_0: (0,),
    Type.Q5_1: (0, 2),
    Type.Q8_0: (0,),
    Type.Q4_K: (0, 2),
    Type.Q5_K: (0, 2),
    Type.Q6_K: (208,),
}
EXTREMES = (65504.0, -65504.0, 2.0**-14, 2.0**-24, -(2.0**-24), 1023 * 2.0**-24, 0.0, -0.0)
# Of MXFP4, by itself: denormal, smallest normal, usual, largest. 255 is NaN here and 2^128 in ggml.
EXPONENTS = (0, 1, 2, 3, 119, 120, 127, 252)


def blocks_of(kind, random):
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = random.integers(0, 256, (len(EXTREMES), size), dtype=numpy.uint8)
    if kind is Type.MXFP4:
        blocks[:, 0] = EXPONENTS
        return blocks
    for place, start in enumerate(SCALES[kind]):
        # The scale and the offset of a block are extreme in different ways.
        scales = numpy.roll(numpy.array(EXTREMES), 3 * place)
        blocks[:, start : start + 2] = scales.astype("<f2")[:, None].view(numpy.uint8)
    usual = blocks.copy()
    usual[:, :] = random.integers(0, 256, blocks.shape, dtype=numpy.uint8)
    for start in SCALES[kind]:
        scales = random.normal(0, 0.01, len(blocks)).astype("<f2")
        usual[:, start : start + 2] = scales[:, None].view(numpy.uint8)
    # Fewer of the large blocks, to keep the file small.
    return numpy.concatenate((usual[: 1024 // size], blocks))


def main(folder):
    random = numpy.random.default_rng(20)
    tensors = {}
    for kind in (*SCALES, Type.MXFP4):
        blocks = blocks_of(kind, random)
        values = gguf.quants.dequantize(blocks, kind)
        assert numpy.isfinite(values).all() and values.dtype == numpy.float32
        name = kind.name.lower()
        tensors[f"{name}.blocks"], tensors[f"{name}.values"] = blocks, values
    path = Path(folder) / "blocks.safetensors"
    save_file(tensors, path, {"gguf": version("gguf"), "numpy": version("numpy")})
    print(path, path.stat().st_size, "bytes", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
