"""Autograd functions that keep one core busy: sink softmax in C++, grouped expert products,
and gathers whose backward is a gather."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import torch

TILE = 128
SOURCE = Path(__file__).with_name("kernels.cpp")


def _library():
    """Compile ``kernels.cpp`` for this machine, once per process."""
    target = Path(tempfile.mkdtemp()) / "kernels.so"
    flags = ["-O3", "-march=native", "-ffast-math", "-mprefer-vector-width=512", "-shared", "-fPIC"]
    subprocess.run(["g++", *flags, str(SOURCE), "-o", str(target), "-lmvec", "-lm"], check=True)
    return ctypes.CDLL(str(target))


_LIBRARY = _library()


def _pointer(tensor):
    return ctypes.c_void_p(tensor.data_ptr())


class SinkSoftmax(torch.autograd.Function):
    """``scores`` bfloat16 ``[batch, heads, queries, keys]`` to attention weights. Query i is
    at position ``offset + i``, key j at j; ``window`` 0 means full attention."""

    @staticmethod
    def forward(ctx, scores, sinks, offset, window):
        scores = scores.contiguous()
        weights = torch.empty_like(scores)
        ctx.sizes = [ctypes.c_int64(n) for n in (*scores.shape, offset, window)]
        _LIBRARY.softmax_forward(_pointer(scores), _pointer(sinks), _pointer(weights), *ctx.sizes)
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    def backward(ctx, grad):
        (weights,) = ctx.saved_tensors
        grad = grad.contiguous()
        out, sinks = torch.empty_like(grad), torch.zeros(weights.shape[1])
        _LIBRARY.softmax_backward(_pointer(weights), _pointer(grad), _pointer(out), _pointer(sinks), *ctx.sizes)
        return out, sinks, None, None


class SwiGlu(torch.autograd.Function):
    """Clamped SwiGLU of interleaved bfloat16 columns ``[rows, 2n]`` to ``[rows, n]``."""

    @staticmethod
    def forward(ctx, x, limit):
        x = x.contiguous()
        out = x.new_empty(x.shape[0], x.shape[1] // 2)
        ctx.limit = ctypes.c_float(limit)
        _LIBRARY.swiglu_forward(_pointer(x), _pointer(out), ctypes.c_int64(out.numel()), ctx.limit)
        ctx.save_for_backward(x)
        return out

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        grad, out = grad.contiguous(), torch.empty_like(x)
        _LIBRARY.swiglu_backward(_pointer(x), _pointer(grad), _pointer(out), ctypes.c_int64(grad.numel()), ctx.limit)
        return out, None


class GroupedLinear(torch.autograd.Function):
    """Rows sorted by expert times each expert's matrix, plus its bias."""

    @staticmethod
    def forward(ctx, x, weight, bias, counts):
        out = x.new_empty(x.shape[0], weight.shape[1])
        for e, (rows, into) in enumerate(zip(x.split(counts), out.split(counts))):
            torch.addmm(bias[e], rows, weight[e].T, out=into)
        ctx.save_for_backward(x, weight)
        ctx.counts = counts
        return out

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        dx, dw = torch.empty_like(x), torch.empty_like(weight)
        db = grad.new_empty(weight.shape[:2])
        for e, (g, rows, into) in enumerate(zip(grad.split(ctx.counts), x.split(ctx.counts), dx.split(ctx.counts))):
            torch.mm(g, weight[e], out=into)
            torch.mm(g.T, rows, out=dw[e])
            db[e] = g.sum(0)
        return dx, dw, db, None


class Spread(torch.autograd.Function):
    """Copy each row of ``x`` to its ``top`` places among ``total`` rows; other rows are zero.
    ``slots [n * top]`` are the places, in the order of the rows of ``x``."""

    @staticmethod
    def forward(ctx, x, slots, top, total):
        ctx.save_for_backward(slots)
        ctx.top = top
        out = x.new_zeros(total, x.shape[1])
        return out.index_copy_(0, slots, x.repeat_interleave(top, 0))

    @staticmethod
    def backward(ctx, grad):
        (slots,) = ctx.saved_tensors
        return grad.index_select(0, slots).unflatten(0, (-1, ctx.top)).sum(1), None, None, None


class Collect(torch.autograd.Function):
    """``x[slots]`` for distinct slots: the inverse of ``Spread``."""

    @staticmethod
    def forward(ctx, x, slots):
        ctx.save_for_backward(slots)
        ctx.rows = x.shape[0]
        return x.index_select(0, slots)

    @staticmethod
    def backward(ctx, grad):
        (slots,) = ctx.saved_tensors
        return grad.new_zeros(ctx.rows, grad.shape[1]).index_copy_(0, slots, grad.contiguous()), None


def place(experts, count):
    """``(slots, rows of each expert, true counts)`` for flat expert ids. Rows are rounded up
    to multiples of ``TILE``, so that the library's kernels see few distinct shapes."""
    counts = torch.bincount(experts, minlength=count)
    padded = (counts + TILE - 1) // TILE * TILE
    order = experts.argsort()
    shift = (padded.cumsum(0) - padded) - (counts.cumsum(0) - counts)
    slots = torch.empty_like(order)
    slots[order] = torch.arange(len(order)) + shift[experts[order]]
    return slots, padded.tolist(), counts
