"""Layers that every block is made of: a same-size convolution, BN followed by ReLU, and the 1x1 shortcut."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

NARROW = 16  # channels: the block of oneDNN's AVX-512 kernels, 8 of its AVX2 kernels


class Pointwise(nn.Conv2d):
    """1x1 convolution; on the CPU a strided one of few channels reads the positions it needs and has stride 1.

    It computes the same. oneDNN's gradient of such a weight (stride above 1, channels-last, fewer channels than a
    block) is wrong or overwrites memory: github.com/uxlfoundation/oneDNN/issues/6035, seen with PyTorch 2.15.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        down, right = self.stride
        if input.device.type != "cpu" or self.in_channels >= NARROW or (down, right) == (1, 1):
            return super()._conv_forward(input, weight, bias)
        return conv2d(input[:, :, ::down, ::right], weight, bias, groups=self.groups)

    def materialised(self) -> nn.Conv2d:
        """The convolution as everybody has it: in use there are no gradients."""
        sizes = self.in_channels, self.out_channels, self.kernel_size, self.stride, self.padding, self.dilation
        conv = nn.Conv2d(*sizes, self.groups, self.bias is not None, device="meta")  # type: ignore[arg-type]
        conv.weight, conv.bias = self.weight, self.bias
        return conv


def convolution(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, dilation: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Convolution without bias whose output side is ceil(H / stride); `kernel_size` must be odd."""
    require_odd(kernel_size)
    padding = dilation * (kernel_size - 1) // 2
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias=False)


def strip(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    axis: int,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Conv2d:
    """Convolution along one axis of the map, 2 (k x 1) or 3 (1 x k), with stride and dilation along that axis alone."""
    require_odd(kernel_size)

    def along(value: int, other: int) -> tuple[int, int]:
        return (value, other) if axis == 2 else (other, value)

    return nn.Conv2d(
        in_channels,
        out_channels,
        along(kernel_size, 1),
        along(stride, 1),
        along(dilation * (kernel_size - 1) // 2, 0),
        along(dilation, 1),
        groups,
        bias=False,
    )


def pointwise(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """1x1 convolution without bias."""
    return Pointwise(in_channels, out_channels, 1, stride, bias=False)


class Bias(nn.Module):
    """x + b for a map x (B, C, H, W) and one number b per channel, 0 at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias[:, None, None]


def ceil_pooling() -> nn.MaxPool2d:
    """2x2 max pooling that leaves a single pixel as it is."""
    return nn.MaxPool2d(2, ceil_mode=True)


class NormRelu(nn.Sequential):
    """BN, then a ReLU that overwrites the output of the BN (whose gradient needs only its input)."""


def norm_relu(channels: int) -> NormRelu:
    """BN and ReLU."""
    return NormRelu(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Shortcut of a post-activation block: identity, or a 1x1 convolution with BN where the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(pointwise(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


def require_odd(kernel_size: int) -> None:
    """ValueError for an even `kernel_size`."""
    if kernel_size % 2 == 0:
        raise ValueError(f"a convolution that keeps the size needs an odd kernel_size, got {kernel_size}")
