"""The shift operation: a spatial operator without parameters or multiply-adds.

Wu et al., "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions", CVPR 2018, arXiv:1711.08141, in
the modulo form that OD uses: channels take the k * k offsets in turn; the C mod k * k channels that are left over stay.

Written as copies of slices with its own gradient. Slices under automatic differentiation take 3 to 8 times as long,
stacked paddings 1.3 to 2 times (forward and backward, batch 128, two CPU threads). On a CPU with channels last the nine
copies each run through all of the memory, since neighbours there are of other offsets; one pass of the library's
depthwise convolution with a one at each offset copies the same numbers 1.4 to 3 times as fast (batch 128), so an
operator of our own hands the work to it. It is an operator so that no counter takes the ones for multiply-adds; where a
graph is traced, for a compiler or a file, the slices say what is meant. On a GPU the operator is one kernel
(shift_kernel.py).
"""

import functools
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from cheapconv.models.parts import shift_kernel


def shift(x: Tensor, kernel_size: int = 3, dilation: int = 1) -> Tensor:
    """y[c, h, w] = x[c, h + dy(c), w + dx(c)] for x (B, C, H, W), zero outside the image.

    dx(c) = c mod k - k // 2 and dy(c) = (c div k) mod k - k // 2, times the dilation, for c < k * k * (C // (k * k)).
    """
    return _Shift.apply(x, kernel_size, dilation)


class Shift(nn.Module):
    """Module form of `shift`, of images of so many channels if it is to have a form in which it is deployed."""

    def __init__(self, kernel_size: int = 3, dilation: int = 1, channels: int | None = None) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f"shift needs an odd kernel_size, got {kernel_size}")
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return shift(x, self.kernel_size, self.dilation)

    def as_deployed(self) -> nn.Module:
        """A depthwise convolution with a one at each channel's offset: no runtime for devices knows a shift, and one
        written as slices becomes hundreds of operators there, each of which copies the whole map."""
        if self.channels is None:
            return self
        c, k, width = self.channels, self.kernel_size, self.dilation
        conv = nn.Conv2d(c, c, k, padding=k // 2 * width, dilation=width, groups=c, bias=False, device="meta")
        conv.weight = nn.Parameter(_ones(c, k, False).clone(memory_format=torch.contiguous_format))
        return conv

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
        if _as_operator(x):
            return torch.ops.cheapconv.shift(x, kernel_size, dilation)
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


def _as_operator(x: Tensor) -> bool:
    """Whether there is a faster way than slices to move x (B, C, H, W): a depthwise convolution, or a kernel."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if x.device.type != "cpu":
        return shift_kernel.has_kernel(x)
    nhwc = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return nhwc and x.dtype in (torch.float32, torch.bfloat16)


@torch.library.custom_op("cheapconv::shift", mutates_args=())
def _convolved(x: Tensor, kernel_size: int, dilation: int) -> Tensor:
    """What `_move` gives, bit by bit, if all of x is finite and, in bf16, no number is subnormal."""
    ones = _ones(x.shape[1], kernel_size, dilation < 0, x.dtype)
    width = abs(dilation)
    with torch.autocast("cpu", enabled=False):
        return conv2d(x, ones, None, 1, kernel_size // 2 * width, width, groups=x.shape[1])


@_convolved.register_kernel("cuda")
def _by_kernel(x: Tensor, kernel_size: int, dilation: int) -> Tensor:
    return shift_kernel.shifted(x, kernel_size, dilation)


@functools.cache
def _ones(channels: int, kernel_size: int, back: bool, dtype: torch.dtype = torch.float32) -> Tensor:
    """Depthwise kernels (C, 1, k, k) with a one at each channel's offset, or at the opposite one."""
    offsets, middle = kernel_size * kernel_size, kernel_size * kernel_size // 2
    moved = channels - channels % offsets
    places = torch.tensor([c % offsets if c < moved else middle for c in range(channels)])
    ones = torch.nn.functional.one_hot(offsets - 1 - places if back else places, offsets)
    return ones.to(dtype).view(channels, 1, kernel_size, kernel_size).contiguous(memory_format=torch.channels_last)


def _overlap(offset: int, length: int) -> tuple[slice, slice]:
    """Where y[i] = x[i + offset] stays inside 0 .. length - 1: the slice of y and the slice of x."""
    inside = max(length - abs(offset), 0)
    to, start = max(-offset, 0), max(offset, 0)
    return slice(to, to + inside), slice(start, start + inside)
