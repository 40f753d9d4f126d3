"""Grouped convolutions of 3 x 3 in training on a GPU, by kernels in Triton: the library takes up to 70 times as long as
their maps take to move, most for the smallest groups. `torch.nn.functional.conv2d` is the plain path: the oracle, and
what is done wherever there is no kernel.
"""

import functools
from types import ModuleType
from typing import Protocol

import torch
from torch import Tensor, nn

from cheapconv.models.parts.kernels import FUSED, INDEXED, installed

SMALLEST = 16  # channels of a tile
# By type; of more, three tiles of gradients in float32 are more than an H100's multiprocessor has memory for.
LARGEST = {torch.float32: 32, torch.bfloat16: 64, torch.float16: 64}
SHARED = (
    128 * 1024
)  # bytes that tiles of the largest groups take: more than a GPU for games has. Of half as large, half
BLOCK = 128  # positions of a tile
PROGRAMS = 528  # that share the work on weights: four on each of an H100's multiprocessors


def has_kernel(conv: nn.Conv2d, x: Tensor, dtype: torch.dtype) -> bool:
    """Whether there are kernels for conv(x) computed in `dtype`: on a GPU, with channels last in memory."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if x.device.type != "cuda" or not installed():
        return False
    return _fits(conv, _largest(dtype, _shared(x.device))) and _readable(x)


def _largest(dtype: torch.dtype, shared: int) -> int:
    """Channels of the largest group that there is a kernel for, on a GPU whose blocks share so many bytes of memory."""
    return LARGEST.get(dtype, 0) // (1 if shared >= SHARED else 2)


@functools.cache
def _shared(device: torch.device) -> int:
    return int(getattr(torch.cuda.get_device_properties(device), "shared_memory_per_block_optin", 0))  # AMD's tell none


def _fits(conv: nn.Conv2d, largest: int) -> bool:
    """Of 3 x 3, in several groups of a power of two, as many channels out as in, the same along both axes."""
    group, sizes = conv.in_channels // conv.groups, (conv.stride, conv.padding, conv.dilation)
    square = not isinstance(conv.padding, str) and all(len({*size}) == 1 for size in sizes)
    plain = conv.bias is None and conv.padding_mode == "zeros" and conv.kernel_size == (3, 3)
    power = 1 < group <= largest and group & (group - 1) == 0 and conv.in_channels % max(SMALLEST, group) == 0
    return square and plain and power and conv.groups > 1 and conv.in_channels == conv.out_channels


def _readable(x: Tensor) -> bool:
    """Of a type that kernels know, and without gaps."""
    plain = type(x) in (Tensor, nn.Parameter)  # a tensor of another kind may have no memory
    known = x.dtype in LARGEST and 0 < x.numel() < INDEXED
    return plain and known and x.is_contiguous(memory_format=torch.channels_last)


def grouped(x: Tensor, w: Tensor, step: int, pad: int, dilation: int) -> Tensor:
    """`conv2d` of x (B, C, H, W) in channels_last and w (C, C / groups, 3, 3), of one dtype."""
    return _Grouped.apply(x, w, step, pad, dilation)


class QuickConv2d(nn.Conv2d):
    """The same convolution, by the kernel where there is one."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        cast = torch.is_autocast_enabled("cuda")  # as it would do itself
        dtype = torch.get_autocast_dtype("cuda") if cast else x.dtype
        if not has_kernel(self, x, dtype):
            return super()._conv_forward(x, weight, bias)
        return grouped(x.to(dtype), weight.to(dtype), self.stride[0], int(self.padding[0]), self.dilation[0])


class _Context(Protocol):
    """What the backward pass needs of the forward one."""

    numbers: tuple[int, int, int]  # stride, padding, dilation
    saved_tensors: tuple[Tensor, Tensor]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _Grouped(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, w: Tensor, step: int, pad: int, dilation: int) -> Tensor:
        return convolved(x, w, step, pad, dilation)

    @staticmethod
    def setup_context(ctx: _Context, inputs: tuple[Tensor, Tensor, int, int, int], output: Tensor) -> None:
        x, w, *numbers = inputs
        ctx.save_for_backward(x, w)
        step, pad, dilation = numbers
        ctx.numbers = step, pad, dilation

    @staticmethod
    def backward(ctx: _Context, g: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, w = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody differentiates twice
            pairs, wanted = [[n, n] for n in ctx.numbers], [*ctx.needs_input_grad[:2], False]
            again = torch.ops.aten.convolution_backward
            of_x, of_w, _ = again(g, x, w, None, *pairs, False, [0, 0], x.shape[1] // w.shape[1], wanted)
            return of_x, of_w, None, None, None
        g = g.contiguous(memory_format=torch.channels_last)
        of_x = input_gradient(g, w, x, *ctx.numbers) if ctx.needs_input_grad[0] else None
        of_w = weight_gradient(x, g, w, *ctx.numbers) if ctx.needs_input_grad[1] else None
        return of_x, of_w, None, None, None


def convolved(x: Tensor, w: Tensor, step: int, pad: int, dilation: int) -> Tensor:
    """y (B, C, H', W')."""
    images, channels = x.shape[:2]
    height, width = (((side + 2 * pad - 2 * dilation - 1) // step) + 1 for side in x.shape[2:])
    shape = images, channels, height, width
    y = torch.empty(
        shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last
    )  # no view: `relu_` may follow
    return _launch(x, w, y, step, pad, dilation, back=False)


def input_gradient(g: Tensor, w: Tensor, x: Tensor, step: int, pad: int, dilation: int) -> Tensor:
    """That of x, for the gradient g of y."""
    return _launch(g, w, torch.empty_like(x, memory_format=torch.channels_last), step, pad, dilation, back=True)


def weight_gradient(x: Tensor, g: Tensor, w: Tensor, step: int, pad: int, dilation: int) -> Tensor:
    """That of w: a float32 sum over stretches of positions, which always add up in the same order."""
    channels, group = w.shape[:2]
    tile, positions = max(SMALLEST, group), g.numel() // channels
    each = -(-positions // max(1, PROGRAMS // (3 * channels // tile)))
    each = -(-each // BLOCK) * BLOCK
    count = -(-positions // each)
    parts = torch.empty((count, channels, group, 3, 3), dtype=torch.float32, device=x.device)
    sizes = (positions, *g.shape[2:], *x.shape[2:], channels, step, pad, dilation, each)
    single = x.dtype == torch.float32
    form = {"GROUP": group, "T": tile, "BLOCK": BLOCK, "SINGLE": single, **FUSED}
    with torch.cuda.device_of(x):
        _kernels().weigh[(count, channels // tile, 3)](x, g, parts, *sizes, **form)
    return parts.sum(0).to(w.dtype)


def _launch(x: Tensor, w: Tensor, y: Tensor, step: int, pad: int, dilation: int, *, back: bool) -> Tensor:
    channels, group = w.shape[:2]
    tile, positions = max(SMALLEST, group), y.numel() // channels
    sizes = (positions, *y.shape[2:], *x.shape[2:], channels, step, pad, dilation)
    form = {"BACK": back, "GROUP": group, "T": tile, "BLOCK": BLOCK, "SINGLE": x.dtype == torch.float32, **FUSED}
    with torch.cuda.device_of(x):
        _kernels().convolve[(-(-positions // BLOCK), channels // tile)](x, w, y, *sizes, *w.stride(), **form)
    return y


@functools.cache
def _kernels() -> ModuleType:
    """Read when one is needed first: Triton takes a second to import, and is not there on every machine."""
    from cheapconv.models.parts import triton_grouped

    return triton_grouped
