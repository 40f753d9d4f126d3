"""S-2x2: a 2x2 convolution on the corners of the kernel that it replaces.

Crowley et al., "Moonshine", NeurIPS 2018, Table 1: dilation 2 and padding 1 in place of a 3x3 with padding 1, so the
size of the map and the corners of the receptive field stay. Params 4 * ci * co; MACs params * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import pointwise


@register(
    "conv", "standard2x2", paper="Crowley et al., Moonshine, NeurIPS 2018, arXiv:1711.02613", notation={"S-2x2": {}}
)
@dataclass(frozen=True, kw_only=True)
class Standard2x2(Conv):
    """2x2 convolution with dilation 2, on the four corners of a 3x3."""

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        if kernel_size == 1:
            return pointwise(in_channels, out_channels, stride)
        if kernel_size % 2 == 0:
            raise ValueError(f"standard2x2 replaces odd kernels, got kernel_size {kernel_size}")
        reach = dilation * (kernel_size - 1)  # distance between the corners
        return nn.Conv2d(in_channels, out_channels, 2, stride, padding=reach // 2, dilation=reach, bias=False)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return (4 if kernel_size > 1 else 1) * in_channels * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return self.params(in_channels, out_channels, kernel_size) * positions(height, stride)
