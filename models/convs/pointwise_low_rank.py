"""PLR_r: a pair of 1x1 convolutions through R channels, with nothing between, in place of a 1x1 convolution.

A matrix of rank R = int(share * min(ci, co)) as the product of two; Sainath et al., "Low-Rank Matrix Factorization for
Deep Neural Network Training", ICASSP 2013. As in `low_rank`, but of the smaller width: the 1x1 convolutions of inverted
bottlenecks widen a map six times. It stands in for 1x1 convolutions alone, which are what is dear in networks of
depthwise convolutions.

Params R * (ci + co); MACs params * Ho^2, the stride is in the first.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import pointwise
from cheapconv.models.parts.share import share_of
from cheapconv.models.structured import structured


@register(
    "conv",
    "pointwise_low_rank",
    paper="Sainath et al., Low-Rank Matrix Factorization for Deep Neural Network Training, ICASSP 2013",
    notation={"PLR_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class PointwiseLowRank(Conv):
    """1x1 to `share` of the smaller width and 1x1 back; stands in for 1x1 convolutions."""

    share: SomeShare

    kernel_sizes = range(1, 2)
    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 1, dilation: int = 1
    ) -> nn.Module:
        self.require_kernel(kernel_size)
        rank = self.rank(in_channels, out_channels)
        return structured(nn.Sequential(pointwise(in_channels, rank, stride), pointwise(rank, out_channels)))

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 1) -> int:
        return self.rank(in_channels, out_channels) * (in_channels + out_channels)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 1) -> int:
        return self.params(in_channels, out_channels) * positions(height, stride)

    def rank(self, in_channels: int, out_channels: int) -> int:
        """R, the width between the two."""
        return share_of(self, self.share, min(in_channels, out_channels), "channels")
