"""od-group(g): OD's grouped operator, a grouped k x k of stride 1 followed by a 1x1, with nothing between.

Xie et al., "Training convolutional neural networks with cheap convolutions and online distillation",
arXiv:1909.13063, and its code. It differs from Moonshine's G(g) twice: it has no BN and ReLU between its
convolutions, and the stride of a block is in the 1x1 of its last operator. Deviation: the default is 8 groups, because
the code's default of 1 makes the student larger than the standard network.

Params 9 * ci * (ci / g) + ci * co; MACs 9 * ci * (ci / g) * H^2 + ci * co * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, pointwise


@register(
    "conv",
    "od_group",
    paper="Xie et al., Training CNNs with cheap convolutions and online distillation, arXiv:1909.13063",
    notation={"od-group({groups})": {}},
)
@dataclass(frozen=True, kw_only=True)
class ODGroup(Conv):
    """Grouped convolution of stride 1, then a 1x1 that carries the stride."""

    groups: Count = 8

    stride_in_last = True

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        self.require_divisible(in_channels, self.groups)
        return nn.Sequential(
            convolution(in_channels, in_channels, kernel_size, dilation=dilation, groups=self.groups),
            pointwise(in_channels, out_channels, stride),
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return kernel_size**2 * in_channels * (in_channels // self.groups) + in_channels * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        spatial = kernel_size**2 * in_channels * (in_channels // self.groups) * height**2
        return spatial + in_channels * out_channels * positions(height, stride)
