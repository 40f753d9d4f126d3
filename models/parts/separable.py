"""Operators made of a depthwise k x k convolution and a map of the channels behind it, with nothing between.

The depthwise part carries stride and dilation. For k = 1 it is left out and the other part carries the stride.
"""

from collections.abc import Callable

from torch import nn

from cheapconv.models.parts.layers import convolution


def behind_depthwise(
    in_channels: int, stride: int, kernel_size: int, dilation: int, pointwise: Callable[[int], nn.Module]
) -> nn.Module:
    """Depthwise convolution, then `pointwise(stride)`, which maps the channels with a stride."""
    if kernel_size == 1:
        return pointwise(stride)
    depthwise = convolution(in_channels, in_channels, kernel_size, stride, dilation, groups=in_channels)
    return nn.Sequential(depthwise, pointwise(1))


def depthwise_params(channels: int, kernel_size: int) -> int:
    """Weights of the depthwise part: k^2 * channels, none for k = 1."""
    return channels * kernel_size**2 if kernel_size > 1 else 0
