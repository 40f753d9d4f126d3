"""What methods do to feature maps (B, C, H, W), with gradients in the maps' own layout.

A mean over channels, positions or both has a gradient that is repeated along them, and torch writes it channels first.
The network's maps are channels last: from there on down every layer would turn the other's layout round, which takes
longer than the loss itself.
"""

from typing import Any

import torch
from torch import Tensor

from cheapconv.methods.parts.precision import wide

AT_ONCE = 2**18  # numbers of a piece that stays in a core's cache


class _MeanSquare(torch.autograd.Function):
    """In pieces of a few samples on a CPU, so that what is between a map and its result never leaves the cache.
    The bits are those of `wide(x).square().mean(dim=1)` and its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.cat([wide(piece).square().mean(dim=1) for piece in x.split(_samples(x))])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        found, scale, samples = torch.empty_like(x), gradient / x.shape[1], _samples(x)
        for piece, of_one, out in zip(x.split(samples), scale.split(samples), found.split(samples), strict=True):
            out.copy_(of_one.unsqueeze(1) * (wide(piece) * 2))
        return found


class _KeepLayout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        last = x.is_contiguous(memory_format=torch.channels_last)
        ctx.memory_format = torch.channels_last if last else torch.contiguous_format
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.contiguous(memory_format=ctx.memory_format)


def mean_square(x: Tensor) -> Tensor:
    """Mean over the channels of the squares, (B, C, H, W) -> (B, H, W), in float32 or wider. Has no second
    derivative."""
    return _apply(_MeanSquare, x)


def keep_layout(x: Tensor) -> Tensor:
    """The same map, whose gradient is channels last if the map is."""
    return _apply(_KeepLayout, x)


def _apply(operation: type[torch.autograd.Function], x: Tensor) -> Tensor:
    result: Tensor = operation.apply(x)
    return result


def _samples(x: Tensor) -> int:
    """Samples of one piece; all of them where there is no cache to stay in."""
    if x.device.type != "cpu":
        return max(1, len(x))
    return max(1, AT_ONCE // max(1, x.shape[1:].numel()))
