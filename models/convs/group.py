"""G(g), G(N/k), G(N): a grouped k x k convolution that keeps the width, BN, ReLU, then a 1x1 that mixes the channels.

Crowley et al., "Moonshine", NeurIPS 2018, arXiv:1711.02613, Table 1. G(g) has g groups, G(N/k) groups of k channels,
G(N) is depthwise. The stride is in the grouped convolution. OD's blocks and plain depthwise-separable convolutions
differ in having nothing between their two convolutions.

With g groups of the ci channels: params 9 * ci * (ci / g) + 2 * ci + ci * co (2 * ci of them BN);
MACs (9 * ci * (ci / g) + ci * co) * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count
from cheapconv.models.conv import positions
from cheapconv.models.parts.grouped import GroupedConv
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise


@register(
    "conv",
    "group",
    paper="Crowley et al., Moonshine, NeurIPS 2018, arXiv:1711.02613",
    notation={
        "G(N)": {"group_width": 1},
        "depthwise": {"group_width": 1},
        "G(N/{group_width})": {},
        "G({groups})": {},
    },
)
@dataclass(frozen=True, kw_only=True)
class Group(GroupedConv):
    """Grouped convolution, BN, ReLU, 1x1; `groups` groups or groups of `group_width` channels (1 is depthwise)."""

    groups: Count | None = None
    group_width: Count | None = None

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        groups = self.groups_of(in_channels)
        return nn.Sequential(
            convolution(in_channels, in_channels, kernel_size, stride, dilation, groups),
            norm_relu(in_channels),
            pointwise(in_channels, out_channels),
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return self._weights(in_channels, out_channels, kernel_size) + 2 * in_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return self._weights(in_channels, out_channels, kernel_size) * positions(height, stride)

    def _weights(self, in_channels: int, out_channels: int, kernel_size: int) -> int:
        per_group = in_channels // self.groups_of(in_channels)
        return in_channels * (kernel_size**2 * per_group + out_channels)
