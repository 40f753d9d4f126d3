"""The shift operation: a spatial operator without parameters or multiply-adds.

Wu et al., "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions", CVPR 2018, arXiv:1711.08141, in
the modulo form that OD uses: channels take the k * k offsets in turn; the C mod k * k channels that are left over stay.

Written as copies of slices with its own gradient: that is the fastest form that no counter takes for multiply-adds.
Slices under automatic differentiation take 3 to 8 times as long, stacked paddings 1.3 to 2 times (forward and
backward, batch 128, two CPU threads).
"""

from typing import Protocol

import torch
from torch import Tensor, nn


def shift(x: Tensor, kernel_size: int = 3, dilation: int = 1) -> Tensor:
    """y[c, h, w] = x[c, h + dy(c), w + dx(c)] for x (B, C, H, W), zero outside the image.

    dx(c) = c mod k - k // 2 and dy(c) = (c div k) mod k - k // 2, times the dilation, for c < k * k * (C // (k * k)).
    """
    return _Shift.apply(x, kernel_size, dilation)


class Shift(nn.Module):
    """Module form of `shift`."""

    def __init__(self, kernel_size: int = 3, dilation: int = 1) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"shift needs an odd kernel_size, got {kernel_size}")
        self.kernel_size = kernel_size
        self.dilation = dilation

    def forward(self, x: Tensor) -> Tensor:
        return shift(x, self.kernel_size, self.dilation)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}"


class _Context(Protocol):
    """What the backward pass needs of the forward one."""

    kernel_size: int
    dilation: int


class _Shift(torch.autograd.Function):
    """Shift whose gradient is the opposite shift."""

    @staticmethod
    def forward(x: Tensor, kernel_size: int, dilation: int) -> Tensor:
        return _move(x, kernel_size, dilation)

    @staticmethod
    def setup_context(ctx: _Context, inputs: tuple[Tensor, int, int], output: Tensor) -> None:
        _, ctx.kernel_size, ctx.dilation = inputs

    @staticmethod
    def backward(ctx: _Context, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Shift.apply(gradient, ctx.kernel_size, -ctx.dilation), None, None


def _move(x: Tensor, kernel_size: int, dilation: int) -> Tensor:
    """The shifted copy of x (B, C, H, W), in its memory format; a negative dilation is the opposite shift."""
    offsets, radius = kernel_size * kernel_size, kernel_size // 2
    channels, height, width = x.shape[1:]
    moved = channels - channels % offsets
    y = torch.zeros_like(x)
    for i in range(offsets):
        rows, from_rows = _overlap((i // kernel_size - radius) * dilation, height)
        columns, from_columns = _overlap((i % kernel_size - radius) * dilation, width)
        y[:, i:moved:offsets, rows, columns] = x[:, i:moved:offsets, from_rows, from_columns]
    y[:, moved:] = x[:, moved:]
    return y


def _overlap(offset: int, length: int) -> tuple[slice, slice]:
    """Where y[i] = x[i + offset] stays inside 0 .. length - 1: the slice of y and the slice of x."""
    inside = max(length - abs(offset), 0)
    to, start = max(-offset, 0), max(offset, 0)
    return slice(to, to + inside), slice(start, start + inside)
