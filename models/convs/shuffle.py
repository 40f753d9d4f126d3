"""Shuffle_g: grouped 1x1 to co / 4 channels, channel shuffle, depthwise k x k, grouped 1x1, with nothing between.

The linear ShuffleNet block of Separable Layers (code of Gray et al., BayesWatch/deficient-efficient), after Zhang et
al., "ShuffleNet", CVPR 2018, arXiv:1707.01083, which has norms and activations. The first 1x1 runs at the resolution of
the input, the depthwise convolution carries the stride. As in that code, where `groups` does not divide ci, co and
co // 4, the largest smaller number that does takes its place. All three convolutions are structured.

Params ci * M / g + 9 * M + M * co / g with M = co // 4; MACs ci * M / g * H^2 + (9 * M + M * co / g) * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import Count
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, require_odd
from cheapconv.models.parts.separable import depthwise_params
from cheapconv.models.structured import structured


@register(
    "conv",
    "shuffle",
    paper="Zhang et al., ShuffleNet, CVPR 2018, arXiv:1707.01083",
    notation={"Shuffle_{groups}": {}},
)
@dataclass(frozen=True, kw_only=True)
class Shuffle(Conv):
    """Linear ShuffleNet unit of at most `groups` groups, a quarter of the output channels wide."""

    groups: Count

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        require_odd(kernel_size)
        inner, groups = self._inner(in_channels, out_channels)
        spatial = [convolution(inner, inner, kernel_size, stride, dilation, inner)] if kernel_size > 1 else []
        shuffle = [nn.ChannelShuffle(groups)] if groups > 1 else []
        last_stride = 1 if spatial else stride
        return structured(
            nn.Sequential(
                convolution(in_channels, inner, 1, groups=groups),
                *shuffle,
                *spatial,
                convolution(inner, out_channels, 1, last_stride, groups=groups),
            )
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        inner, groups = self._inner(in_channels, out_channels)
        return (in_channels + out_channels) * inner // groups + depthwise_params(inner, kernel_size)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        inner, groups = self._inner(in_channels, out_channels)
        behind = depthwise_params(inner, kernel_size) + inner * out_channels // groups
        return in_channels * inner // groups * height**2 + behind * positions(height, stride)

    def _inner(self, in_channels: int, out_channels: int) -> tuple[int, int]:
        """Width between the 1x1 convolutions, and their number of groups."""
        inner = out_channels // 4
        if inner < 1:
            raise ValueError(f"{canonical(self)} needs at least 4 output channels, got {out_channels}")
        divides = (g for g in range(self.groups, 0, -1) if not (in_channels % g or out_channels % g or inner % g))
        return inner, next(divides)
