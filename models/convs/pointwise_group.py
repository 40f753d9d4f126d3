"""PG(g): a grouped 1x1 convolution and a channel shuffle, in place of a 1x1 convolution.

Zhang et al., "ShuffleNet", CVPR 2018, arXiv:1707.01083, section 3.1: the shuffle lets the next layer see every group.
It stands in for 1x1 convolutions alone, which are what is dear in networks of depthwise convolutions. Deviation: the
unit of ShuffleNet shuffles behind the first of its two grouped convolutions only; here every replaced one does.

Params ci * co / g; MACs params * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution


@register(
    "conv",
    "pointwise_group",
    paper="Zhang et al., ShuffleNet, CVPR 2018, arXiv:1707.01083",
    notation={"PG({groups})": {}},
)
@dataclass(frozen=True, kw_only=True)
class PointwiseGroup(Conv):
    """Grouped 1x1 convolution, then a channel shuffle; stands in for 1x1 convolutions."""

    groups: Count

    kernel_sizes = range(1, 2)

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 1, dilation: int = 1
    ) -> nn.Module:
        self.require_kernel(kernel_size)
        for channels in (in_channels, out_channels):
            self.require_divisible(channels, self.groups)
        grouped = convolution(in_channels, out_channels, 1, stride, groups=self.groups)
        return nn.Sequential(grouped, nn.ChannelShuffle(self.groups)) if self.groups > 1 else grouped

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 1) -> int:
        return in_channels * out_channels // self.groups

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 1) -> int:
        return self.params(in_channels, out_channels) * positions(height, stride)
