"""Gradients of depthwise convolutions in bf16 on a CPU, computed in float32.

oneDNN has quick ones for at most 3 x 3 with neither stride nor dilation; the others take 2 to 16 times as long as by
way of float32 (docs/performance.md). What is multiplied are the same bf16 numbers, and each gradient is rounded once.
`torch.nn.functional.conv2d` is the plain path, and what is done wherever this does not fit.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

Pair = tuple[int, int]
Sizes = tuple[Pair, Pair, Pair]  # stride, padding, dilation


class QuickDepthwise(nn.Conv2d):
    """The same convolution, its gradients by way of float32 where that is quicker."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if not (_in_bf16(x, weight) and _slow(self, x)):
            return super()._conv_forward(x, weight, bias)
        return _Depthwise.apply(x.bfloat16(), weight.bfloat16(), (self.stride, self.padding, self.dilation))


def _in_bf16(x: Tensor, weight: Tensor) -> bool:
    """Whether the library would convolve these in bf16; autocast leaves float64 alone."""
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu") == torch.bfloat16 and torch.float64 not in (x.dtype, weight.dtype)
    return x.dtype == weight.dtype == torch.bfloat16


def _slow(conv: nn.Conv2d, x: Tensor) -> bool:
    """Whether the library's gradients of conv(x) in bf16 are the slow ones, and these here fit."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or x.device.type != "cpu" or x.dim() != 4:
        return False
    plain = conv.bias is None and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    depthwise = conv.groups == conv.in_channels == conv.out_channels > 1
    quick = max(conv.kernel_size) <= 3 and conv.stride == conv.dilation == (1, 1)
    return plain and depthwise and not quick


class _Context(Protocol):
    """What the backward pass needs of the forward one."""

    sizes: Sizes
    saved_tensors: tuple[Tensor, Tensor]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


class _Depthwise(torch.autograd.Function):
    """conv2d of x (B, C, H, W) and w (C, 1, k, k) in bf16."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, sizes: Sizes) -> Tensor:
        return conv2d(x, w, None, *sizes, groups=len(w))

    @staticmethod
    def setup_context(ctx: _Context, inputs: tuple[Tensor, Tensor, Sizes], output: Tensor) -> None:
        x, w, ctx.sizes = inputs
        ctx.save_for_backward(x, w)

    @staticmethod
    def backward(ctx: _Context, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        wanted = [*ctx.needs_input_grad[:2], False]
        gradients = torch.ops.aten.convolution_backward(
            g.float(), x.float(), w.float(), None, *ctx.sizes, False, [0, 0], len(w), wanted
        )
        of_x, of_w = (None if t is None else t.to(x.dtype) for t in gradients[:2])
        return of_x, of_w, None
