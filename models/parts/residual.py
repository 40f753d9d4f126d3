"""The residual path that all residual architectures share: operators of a conv with BN-ReLU between them.

Two operators (Moonshine's Basic block, Crowley et al., NeurIPS 2018, Table 1) or one that replaces both convolutions
(its Bottle block). What precedes and follows the path, and the shortcut, belong to the architecture.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Annotated

from annotated_types import Le
from torch import nn

from cheapconv.catalog.numbers import Progression
from cheapconv.models.conv import Conv
from cheapconv.models.parts.layers import norm_relu

Block = Callable[[Conv, int, int, int], nn.Module]
Depth6n2 = Annotated[int, Progression(6, first=8), Le(2000)]
Depth6n4 = Annotated[int, Progression(6, first=10), Le(2000)]


def residual_path(conv: Conv, in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """(B, in_channels, H, W) -> (B, out_channels, H / stride, W / stride), without a norm at either end."""
    if conv.operators_per_block == 1:
        return nn.Sequential(conv.operator(in_channels, out_channels, stride))
    inner = conv.inner_channels(out_channels)
    first, last = (1, stride) if conv.stride_in_last else (stride, 1)
    return nn.Sequential(
        conv.operator(in_channels, inner, first), norm_relu(inner), conv.operator(inner, out_channels, last)
    )


def blocks_per_stage(depth: int) -> int:
    """n of a `Depth6n2` or `Depth6n4`: three stages of n blocks with two convolutions each."""
    return (depth - 2) // 6


def residual_stages(block: Block, conv: Conv, widths: Sequence[int], length: int | Sequence[int]) -> list[nn.Module]:
    """Stages of `length` blocks each; `widths` begins with the stem's. Every stage but the first halves the side."""
    lengths = [length] * (len(widths) - 1) if isinstance(length, int) else length
    count = sum(lengths)
    convs = (conv.at_block(index, count) for index in range(count))
    stages: list[nn.Module] = []
    for i, (before, width) in enumerate(pairwise(widths)):
        first = block(next(convs), before, width, 1 if i == 0 else 2)
        rest = [block(next(convs), width, width, 1) for _ in range(lengths[i] - 1)]
        stages.append(nn.Sequential(first, *rest))
    return stages
