"""Batch norm and the ReLU behind it in training in bf16 on a CPU, as one operation in Numba.

Forward moves a map three times (two reads, one write) and backward five (x and the gradient of y read twice, that of x
written), where the library's two operations move it thirteen times, and slowly (docs/performance.md; in float32 they
are quick enough). What the ReLU has cut off is worked out of x again.

A map is cut into chunks of rows, whose sums are added in their order: equal inputs give equal bits, with one thread or
several. Sums are of distances from the first row, so that no digits cancel where the mean is far from zero.
`nn.BatchNorm2d` and `nn.ReLU` are the oracle, and do whatever does not fit.
"""

import functools
import itertools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cheapconv.models.parts.layers import NormRelu

Matrix = NDArray[np.uint16]
Vector = NDArray[np.float32]
CHUNK = 2**19  # numbers of a chunk, about: what a thread takes at once
WIDTH = 256  # numbers of a row where channels are fewer, by laying positions side by side, as far as they divide
SMALLEST = 2**18  # numbers of a map for which calling a kernel is worth it
NONE = -math.inf  # the floor where no ReLU follows
HOOKS = "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"  # of who looks between the two


class NumbaNormRelu(NormRelu):
    """The same, by the kernels where they fit."""

    def forward(self, input: Tensor) -> Tensor:
        norm, *others = self
        followed = len(others) == 1 and type(others[0]) is nn.ReLU
        watched = any(getattr(layer, hooks) for layer in self for hooks in HOOKS)
        if followed and not watched and isinstance(norm, nn.BatchNorm2d) and has_kernel(norm, input):
            return normalised(norm, input, 0.0)
        return super().forward(input)


class NumbaBatchNorm2d(nn.BatchNorm2d):
    """A batch norm without a ReLU, by the kernels where they fit."""

    def forward(self, input: Tensor) -> Tensor:
        return normalised(self, input, NONE) if has_kernel(self, input) else super().forward(input)


def has_kernel(norm: nn.BatchNorm2d, x: Tensor) -> bool:
    """Whether the kernels compute norm(x): in training, on a CPU, with channels last in memory, of a size that pays."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or not torch.is_grad_enabled():
        return False
    return x.device.type == "cpu" and x.numel() >= SMALLEST and fits(norm, x) and installed()


def fits(norm: nn.BatchNorm2d, x: Tensor) -> bool:
    """Whether the kernels can compute norm(x)."""
    if type(norm) not in (nn.BatchNorm2d, NumbaBatchNorm2d) or not norm.training:
        return False
    held = norm.weight, norm.bias, norm.running_mean, norm.running_var
    if norm.momentum is None or x.dim() != 4 or type(x) not in (Tensor, nn.Parameter):
        return False
    if any(t is None or t.dtype != torch.float32 or t.shape != x.shape[1:2] for t in held):
        return False
    several = x.numel() > x.shape[1]  # one row has no variance, which the library says in its words
    return x.dtype == torch.bfloat16 and several and x.is_contiguous(memory_format=torch.channels_last)


def normalised(norm: nn.BatchNorm2d, x: Tensor, floor: float) -> Tensor:
    """max(norm(x), floor) of x (B, C, H, W) that `fits`, in its dtype and memory format; norm counts the batch."""
    return _NormRelu.apply(x, norm.weight, norm.bias, norm, floor)


class _Settled(NamedTuple):
    """Of a batch: mean and biased variance of each channel, and scale and offset of y, repeated to a row's width."""

    mean: Vector
    variance: Vector
    scale: Vector
    offset: Vector


class _Context(Protocol):
    """What the backward pass needs of the forward one."""

    eps: float
    floor: float
    settled: _Settled
    saved_tensors: tuple[Tensor, Tensor, Tensor]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _NormRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: _Context, x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d, floor: float) -> Tensor:
        ctx.eps, ctx.floor = norm.eps, floor
        ctx.save_for_backward(x, weight, bias)
        y = torch.empty_like(x)
        ctx.settled = _forward(x, weight, bias, norm.eps, floor, y)
        _count(norm, ctx.settled, x.numel() // x.shape[1])
        return y

    @staticmethod
    def backward(ctx: _Context, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody differentiates twice
            y = torch.batch_norm(x, weight, bias, None, None, True, 0.0, ctx.eps, False)
            g = g if ctx.floor == NONE else g * (y > ctx.floor)
            mean, variance = (torch.from_numpy(t) for t in ctx.settled[:2])
            again = torch.ops.aten.native_batch_norm_backward
            inverse = (variance + ctx.eps).rsqrt()
            return *again(g, x, weight, None, None, mean, inverse, True, ctx.eps, [True] * 3), None, None
        return *_gradients(g, x, weight, ctx.settled, ctx.eps, ctx.floor), None, None


def _forward(x: Tensor, weight: Tensor, bias: Tensor, eps: float, floor: float, y: Tensor) -> _Settled:
    """Write y; what was found of x."""
    kernels, cut = _kernels(), _Cut(x)
    of_x, partial = cut.matrix(x), cut.partial()
    settled = _Settled(*(np.empty(n, np.float32) for n in (cut.channels, cut.channels, cut.width, cut.width)))
    cut.each(lambda chunks: kernels.statistics(of_x, cut.channels, chunks, partial))
    kernels.settle(of_x, partial, weight.detach().numpy(), bias.detach().numpy(), eps, *settled)
    to, bottom = cut.matrix(y), np.float32(floor)
    cut.each(lambda chunks: kernels.transform(of_x, to, settled.scale, settled.offset, bottom, chunks))
    return settled


def _gradients(
    g: Tensor, x: Tensor, weight: Tensor, settled: _Settled, eps: float, floor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Of x, weight and bias, from that of y."""
    kernels, cut, to, bottom = _kernels(), _Cut(x), torch.empty_like(x), np.float32(floor)
    given = cut.matrix(g.to(x.dtype).contiguous(memory_format=torch.channels_last))
    of_x, partial, (mean, variance, scale, offset) = cut.matrix(x), cut.partial(), settled
    of_weight, of_bias, slope, constant = (np.empty(n, np.float32) for n in (cut.channels,) * 2 + (cut.width,) * 2)
    cut.each(lambda chunks: kernels.sums(given, of_x, scale, offset, bottom, mean, chunks, partial))
    last = of_weight, of_bias, slope, constant
    kernels.combine(partial, weight.detach().numpy(), mean, variance, eps, cut.rows, *last)
    of_to = cut.matrix(to)
    cut.each(lambda chunks: kernels.gradient(given, of_x, of_to, scale, offset, bottom, slope, constant, chunks))
    return to, torch.from_numpy(of_weight), torch.from_numpy(of_bias)


@torch.no_grad()
def _count(norm: nn.BatchNorm2d, settled: _Settled, rows: int) -> None:
    """Move the running statistics; of the variance they keep the unbiased one."""
    running, spread, batches = norm.running_mean, norm.running_var, norm.num_batches_tracked
    assert running is not None
    assert spread is not None
    assert norm.momentum is not None
    running.lerp_(torch.from_numpy(settled.mean), norm.momentum)
    spread.lerp_(torch.from_numpy(settled.variance * np.float32(rows / (rows - 1))), norm.momentum)
    if batches is not None:
        batches.add_(1)


class _Cut:
    """How maps of the size of x (B, C, H, W) are cut: several positions make a row where channels are few, and so many
    rows a chunk."""

    def __init__(self, x: Tensor) -> None:
        self.channels = x.shape[1]
        positions = x.numel() // self.channels
        beside = math.gcd(positions, 1 << max(0, (WIDTH // self.channels).bit_length() - 1))
        self.rows, self.width = positions // beside, self.channels * beside
        self.height = max(1, CHUNK // self.width)
        self.count = -(-self.rows // self.height)

    def matrix(self, m: Tensor) -> Matrix:
        """A map of this size, bits for numbers."""
        flat = m.detach().permute(0, 2, 3, 1)
        return flat.view(torch.uint16).view(self.rows, self.width).numpy()

    def partial(self) -> NDArray[np.float64]:
        """Room for two sums of each chunk."""
        return np.empty((self.count, 2, self.width))

    def each(self, work: Callable[[tuple[int, int, int]], None]) -> None:
        """Do work on all chunks, by as many threads as torch uses."""
        threads = min(torch.get_num_threads(), self.count)
        ends = [self.count * i // threads for i in range(threads + 1)]
        shares = [(self.height, first, end) for first, end in itertools.pairwise(ends)]
        if threads == 1:
            work(*shares)
        else:
            list(_pool(os.getpid(), threads).map(work, shares))


@functools.cache
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads)


@functools.cache
def _kernels() -> ModuleType:
    """Read when they are needed first: Numba takes a second to import, and is not on every machine."""
    from cheapconv.models.parts import numba_norm

    return numba_norm


@functools.cache
def installed() -> bool:
    """Whether Numba is, and can be used with the NumPy at hand."""
    try:
        _kernels()
    except ImportError:
        return False
    return True
