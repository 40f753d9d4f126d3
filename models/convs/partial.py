"""PConv(1/r): a k x k convolution of the first 1/r of the channels, then a 1x1 over all of them, nothing between.

Chen et al., "Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks" (FasterNet), CVPR 2023,
arXiv:2303.03667: the other channels pass untouched, which saves memory traffic beside multiply-adds. FasterNet has no
stride in these; here the 1x1 carries it, so that all channels take the same positions.

Params 9 * p^2 + ci * co with p = ci // r; MACs 9 * p^2 * H^2 + ci * co * Ho^2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import Ratio
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, pointwise


@register(
    "conv",
    "partial",
    paper="Chen et al., Run, Don't Walk: Chasing Higher FLOPS for Faster Neural Networks, CVPR 2023, arXiv:2303.03667",
    notation={"PConv(1/{ratio})": {}},
)
@dataclass(frozen=True, kw_only=True)
class Partial(Conv):
    """k x k over the first 1/ratio of the channels, then 1x1."""

    ratio: Ratio = 4

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        part = self._part(in_channels)
        spatial = PartialConv(convolution(part, part, kernel_size, dilation=dilation), part)
        return nn.Sequential(spatial, pointwise(in_channels, out_channels, stride))

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return kernel_size**2 * self._part(in_channels) ** 2 + in_channels * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        spatial = kernel_size**2 * self._part(in_channels) ** 2 * height**2
        return spatial + in_channels * out_channels * positions(height, stride)

    def _part(self, channels: int) -> int:
        if channels < self.ratio:
            raise ValueError(f"{canonical(self)} needs at least {self.ratio} channels, got {channels}")
        return channels // self.ratio


class PartialConv(nn.Module):
    """`conv` on the first `part` channels; the others stay."""

    def __init__(self, conv: nn.Module, part: int) -> None:
        super().__init__()
        self.conv, self.part = conv, part

    def forward(self, x: Tensor) -> Tensor:
        first, others = x.split([self.part, x.shape[1] - self.part], dim=1)  # whose gradient keeps the memory format
        return torch.cat([self.conv(first), others], dim=1)
