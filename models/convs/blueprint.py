"""BSConv-U: a 1x1 convolution, then a depthwise k x k, with nothing between.

Haase & Amthor, "Rethinking Depthwise Separable Convolutions: How Intra-Kernel Correlations Lead to Improved
MobileNets", CVPR 2020, arXiv:2003.13549: blueprint separable convolutions, unconstrained; Sep in the other order. Every
kernel of an output channel is one spatial blueprint, weighted per input channel. The depthwise convolution carries the
stride, so the 1x1 runs at the resolution of the input.

Params ci * co + 9 * co; MACs ci * co * H^2 + 9 * co * Ho^2; for k = 1 a 1x1 with the stride.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, pointwise
from cheapconv.models.parts.separable import depthwise_params


@register(
    "conv",
    "blueprint",
    paper="Haase & Amthor, Rethinking Depthwise Separable Convolutions, CVPR 2020, arXiv:2003.13549",
    notation={"BSConv-U": {}},
)
@dataclass(frozen=True, kw_only=True)
class Blueprint(Conv):
    """1x1, then depthwise convolution."""

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        if kernel_size == 1:
            return pointwise(in_channels, out_channels, stride)
        return nn.Sequential(
            pointwise(in_channels, out_channels),
            convolution(out_channels, out_channels, kernel_size, stride, dilation, groups=out_channels),
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return in_channels * out_channels + depthwise_params(out_channels, kernel_size)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        if kernel_size == 1:
            return in_channels * out_channels * positions(height, stride)
        spatial = kernel_size**2 * out_channels * positions(height, stride)
        return in_channels * out_channels * height**2 + spatial
