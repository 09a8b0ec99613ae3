"""MXFP4 as OCP's microscaling specification has it, in gpt-oss's released byte order.

A block is 32 E2M1 values with one E8M0 scale (bias 127); two values a byte, low nibble first.
"""

import torch

BLOCK = 32
BIAS = 127
MAGNITUDES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
LARGEST_EXPONENT = 2  # of E2M1: 6 is 1.5 * 2**2


def quantise(values):
    """``[..., n]`` floats to ``(blocks u8 [..., n/32, 16], scales u8 [..., n/32])``."""
    grouped = values.reshape(*values.shape[:-1], -1, BLOCK).float()
    largest = grouped.abs().amax(-1).clamp(min=2.0**-100)
    exponent = largest.log2().floor() - LARGEST_EXPONENT
    magnitudes = torch.tensor(MAGNITUDES)
    scaled = grouped / torch.exp2(exponent).unsqueeze(-1)
    nearest = (scaled.abs().unsqueeze(-1) - magnitudes).abs().argmin(-1)
    codes = nearest + 8 * (scaled < 0)
    blocks = codes[..., 0::2] | codes[..., 1::2] << 4
    return blocks.to(torch.uint8), (exponent + BIAS).to(torch.uint8)


def dequantise(blocks, scales):
    """The inverse, exact in f32: ``[..., n]``."""
    table = torch.tensor(MAGNITUDES + tuple(-value for value in MAGNITUDES))
    codes = torch.stack((blocks & 15, blocks >> 4), dim=-1).flatten(-2).long()
    values = table[codes] * torch.exp2(scales.float() - BIAS).unsqueeze(-1)
    return values.flatten(-2)
