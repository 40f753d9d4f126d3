"""Layers that every block is made of: a same-size convolution, BN followed by ReLU, and the 1x1 shortcut."""

from torch import nn


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
    return convolution(in_channels, out_channels, kernel_size=1, stride=stride)


def norm_relu(channels: int) -> nn.Sequential:
    """BN, then a ReLU that overwrites the output of the BN (whose gradient needs only its input)."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Shortcut of a post-activation block: identity, or a 1x1 convolution with BN where the shape changes."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(pointwise(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


def require_odd(kernel_size: int) -> None:
    """ValueError for an even `kernel_size`."""
    if kernel_size % 2 == 0:
        raise ValueError(f"a convolution that keeps the size needs an odd kernel_size, got {kernel_size}")
