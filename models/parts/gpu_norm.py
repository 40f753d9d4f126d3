"""Batch norm in training on a GPU, in Triton: three kernels forward and three backward, for channels last.

Forward moves a map three times (two reads, one write) and backward five (x and the gradient of y read twice, that of x
written), which is the least where a map does not fit on the chip. The library's channels last form spends most of its
time on reducing (for a cheap student on an H100, 14 of 22 us forward and 11 of 18 backward a layer, where 1 to 3.5 us
move a map once), and has launches of their own for running statistics and the count of batches.

Statistics are a mean and squared distances from it, taken in registers chunk by chunk, and merged by the formula of
Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", The American Statistician 1983. No sum depends
on what runs when: equal inputs give equal bits.
`nn.BatchNorm2d` is the oracle, and does whatever is not for the kernels.
"""

import functools
import math
from types import ModuleType
from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from cheapconv.models.parts.kernels import FUSED, INDEXED, installed

CHANNELS = 64  # of a tile at most: a cache line's worth in 16 bits; wider maps are several blocks of channels
SECTOR = 8  # channels of a program that combines chunks: 32 bytes, the least that is read at once
MOST_CHANNELS = 2048


class Tiling(NamedTuple):
    """Sizes of what one program holds in registers, powers of two; a tile is rows times channels."""

    reduced: int = 8192  # numbers of a tile that becomes one number a channel: larger tiles leave less to combine
    moved: int = 4096  # numbers of a tile of the map that is written: smaller ones are more programs at once
    warp: int = 1024  # numbers of a tile for each warp of 32 threads; a program has 16 warps at most
    combined: int = 512  # chunks that are combined at once


TILINGS = {"default": Tiling(), "small": Tiling(4096, 2048, 512, 1024), "large": Tiling(16384, 8192, 1024, 256)}


class TritonBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d that takes the kernels where there are some for what it is given."""

    tiling: ClassVar[Tiling] = TILINGS["default"]

    def forward(self, x: Tensor) -> Tensor:
        return normalised(self, x, self.tiling) if has_kernel(self, x) else super().forward(x)


def has_kernel(norm: nn.BatchNorm2d, x: Tensor) -> bool:
    """Whether there are kernels for norm(x): in training, on a GPU, with channels last in memory."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    return x.device.type == "cuda" and installed() and fits(norm, x)


def fits(norm: nn.BatchNorm2d, x: Tensor) -> bool:
    """Whether the kernels can compute norm(x), wherever they run."""
    held = [t for t in (norm.weight, norm.bias, *_kept(norm)) if t is not None]
    if not norm.training or not norm.track_running_stats or norm.momentum is None:
        return False
    if x.dim() != 4 or x.shape[1] > MOST_CHANNELS or len(held) < 5 or any(t.device != x.device for t in held):
        return False
    if any(t.shape != x.shape[1:2] or t.dtype != torch.float32 or not t.is_contiguous() for t in held[:4]):
        return False
    plain = type(x) in (Tensor, nn.Parameter)  # a tensor of another kind may have no memory
    known = x.dtype in (torch.float32, torch.bfloat16, torch.float16)
    several = x.shape[1] < x.numel() < INDEXED  # one row has no variance, which the library says in its words
    return plain and known and several and x.is_contiguous(memory_format=torch.channels_last)


def normalised(norm: nn.BatchNorm2d, x: Tensor, tiling: Tiling = TILINGS["default"]) -> Tensor:
    """norm(x) of x (B, C, H, W) that `fits`, in its dtype and memory format; norm counts the batch."""
    y, _, _ = _BatchNorm.apply(x, norm.weight, norm.bias, norm, tiling)
    return y


def _kept(norm: nn.BatchNorm2d) -> list[Tensor]:
    """Running mean and variance and the count of batches, as far as norm has them."""
    return [t for t in (norm.running_mean, norm.running_var, norm.num_batches_tracked) if t is not None]


class _Context(Protocol):
    """What the backward pass needs of the forward one."""

    eps: float
    tiling: Tiling
    saved_tensors: tuple[Tensor, Tensor, Tensor, Tensor]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...
    def mark_non_differentiable(self, *tensors: Tensor) -> None: ...
    def set_materialize_grads(self, value: bool) -> None: ...


class _BatchNorm(torch.autograd.Function):
    """y, and of each channel the mean and 1 / deviation, which have no gradients."""

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias: Tensor, norm: nn.BatchNorm2d, tiling: Tiling
    ) -> tuple[Tensor, Tensor, Tensor]:
        kernels, rows, channels = _kernels(), x.numel() // x.shape[1], x.shape[1]
        y, mean, scale = torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)
        kept = _kept(norm)
        with torch.cuda.device_of(x):
            grid, tile = _tiles(rows, channels, tiling.reduced, tiling.warp)
            partial = x.new_empty(2, grid[0], channels, dtype=torch.float32)
            kernels.statistics[grid](x, *partial, rows, channels, **tile)
            combining, sector = _sectors(channels, tiling)
            every = x, *partial, mean, scale, *kept, norm.momentum, norm.eps, rows, channels, grid[0]
            kernels.combine_statistics[combining](*every, ROWS=tile["ROWS"], **sector)
            grid, tile = _tiles(rows, channels, tiling.moved, tiling.warp)
            kernels.transform[grid](x, y, mean, scale, weight, bias, rows, channels, **tile)
        torch.autograd.graph.increment_version(kept)  # a graph that kept them for an earlier step has to complain
        return y, mean, scale

    @staticmethod
    def setup_context(
        ctx: _Context, inputs: tuple[Tensor, Tensor, Tensor, nn.BatchNorm2d, Tiling], output: tuple[Tensor, ...]
    ) -> None:
        x, weight, _, norm, ctx.tiling = inputs
        ctx.eps = norm.eps
        _, mean, scale = output
        ctx.save_for_backward(x, weight, mean, scale)
        ctx.mark_non_differentiable(mean, scale)
        ctx.set_materialize_grads(False)  # or zeros would be written for those two

    @staticmethod
    def backward(ctx: _Context, g: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if g is None:
            return None, None, None, None, None
        x, weight, mean, scale = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        if torch.is_grad_enabled():  # somebody differentiates twice
            again = torch.ops.aten.native_batch_norm_backward
            return *again(g, x, weight, None, None, mean, scale, True, ctx.eps, wanted), None, None
        g = g.contiguous(memory_format=torch.channels_last)
        to, of_weight, of_bias = _gradients(g, x, weight, mean, scale, ctx.tiling, wanted[0])
        return to, of_weight if wanted[1] else None, of_bias if wanted[2] else None, None, None


def _gradients(
    g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, scale: Tensor, tiling: Tiling, of_x: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Of x (if wanted), weight and bias, from that of y; g has channels last."""
    kernels, rows, channels = _kernels(), x.numel() // x.shape[1], x.shape[1]
    to = torch.empty_like(x) if of_x else None
    of_weight, of_bias = torch.empty_like(weight), torch.empty_like(weight)
    with torch.cuda.device_of(x):
        grid, tile = _tiles(rows, channels, tiling.reduced, tiling.warp)
        partial = torch.empty(2, grid[0], channels, device=x.device)
        kernels.sums[grid](g, x, mean, scale, *partial, rows, channels, **tile)
        combining, sector = _sectors(channels, tiling)
        kernels.combine_sums[combining](*partial, of_bias, of_weight, channels, grid[0], **sector)
        if to is not None:
            grid, tile = _tiles(rows, channels, tiling.moved, tiling.warp)
            kernels.gradient[grid](g, x, to, mean, scale, weight, of_bias, of_weight, rows, channels, **tile)
    return to, of_weight, of_bias


def _tiles(rows: int, channels: int, numbers: int, warp: int) -> tuple[tuple[int, int], dict[str, int]]:
    """How many chunks of rows and blocks of channels there are, and the tile of so many numbers and its program."""
    block = min(max(4, 1 << (channels - 1).bit_length()), CHANNELS)
    height, warps = numbers // block, min(max(1, numbers // warp), 16)
    tile = {"ROWS": height, "CHANNELS": block, "ALIGNED": math.gcd(channels, 16), "num_warps": warps}
    return (-(-rows // height), -(-channels // block)), {**tile, **FUSED}


def _sectors(channels: int, tiling: Tiling) -> tuple[tuple[int], dict[str, int]]:
    """How many programs combine chunks, and what each reads at once."""
    warps = min(max(1, tiling.combined * SECTOR // 512), 16)
    return (-(-channels // SECTOR),), {"CHUNKS": tiling.combined, "CHANNELS": SECTOR, "num_warps": warps, **FUSED}


@functools.cache
def _kernels() -> ModuleType:
    """Read when one is needed first: Triton takes a second to import, and is not there on every machine."""
    from cheapconv.models.parts import triton_norm

    return triton_norm
