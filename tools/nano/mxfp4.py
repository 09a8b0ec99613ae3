"""MXFP4: 32 E2M1 values share one E8M0 scale, along a matrix's last dimension."""

import torch

VALUES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
MIDPOINTS = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])
BLOCK = 32
BIAS = 127
CLIP = 7.0  # a block's largest value may reach 7 times its scale, and is stored as 6


def _scaled(weight):
    """Blocks divided by their power-of-two scales, and the exponents."""
    blocks = weight.unflatten(-1, (-1, BLOCK))
    largest = blocks.abs().amax(-1, keepdim=True).clamp_min(2.0**-100)
    exponent = torch.ceil(torch.log2(largest / CLIP))
    return blocks * torch.exp2(-exponent), exponent


def round_trip(weight):
    """``weight`` as it will be after packing and unpacking, same shape and dtype."""
    scaled, exponent = _scaled(weight)
    size = scaled.abs().clamp_max(6.0)
    step = torch.where(size < 2.0, 0.5, torch.where(size < 4.0, 1.0, 2.0))
    rounded = torch.round(size / step) * step
    return (torch.copysign(rounded, scaled) * torch.exp2(exponent)).flatten(-2)


def pack(weight):
    """``(blocks u8 [..., n/32, 16], scales u8 [..., n/32])``; low nibble first."""
    scaled, exponent = _scaled(round_trip(weight).float())
    codes = torch.bucketize(scaled.abs(), MIDPOINTS).to(torch.uint8)
    codes |= (torch.signbit(scaled) & (codes > 0)).to(torch.uint8) << 3
    blocks = codes[..., 0::2] | codes[..., 1::2] << 4
    return blocks.contiguous(), (exponent.squeeze(-1) + BIAS).to(torch.uint8)


def unpack(blocks, scales):
    """The float32 matrix that ``pack`` stored."""
    codes = torch.stack((blocks & 15, blocks >> 4), -1).flatten(-2).long()
    values = VALUES[codes & 7] * torch.where(codes & 8 > 0, -1.0, 1.0)
    return (values * torch.exp2(scales.float() - BIAS).unsqueeze(-1)).flatten(-2)
