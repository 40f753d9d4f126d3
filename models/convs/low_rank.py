"""Generic_r: a depthwise k x k, then a pair of 1x1 convolutions through R channels, with nothing between.

The pointwise map called Generic in Separable Layers (code of Gray et al., BayesWatch/deficient-efficient): a matrix of
rank R = int(share * max(ci, co)) as the product of two; Sainath et al., "Low-Rank Matrix Factorization for Deep Neural
Network Training", ICASSP 2013.

Params 9 * ci + R * (ci + co); MACs params * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import pointwise
from cheapconv.models.parts.separable import behind_depthwise, depthwise_params
from cheapconv.models.parts.share import share_of
from cheapconv.models.structured import structured


@register(
    "conv",
    "low_rank",
    paper="Sainath et al., Low-Rank Matrix Factorization for Deep Neural Network Training, ICASSP 2013",
    notation={"Generic_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class LowRank(Conv):
    """Depthwise convolution, then 1x1 to `share` of the larger width and 1x1 back."""

    share: SomeShare

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        rank = self.rank(in_channels, out_channels)

        def pair(stride: int) -> nn.Module:
            return structured(nn.Sequential(pointwise(in_channels, rank, stride), pointwise(rank, out_channels)))

        return behind_depthwise(in_channels, stride, kernel_size, dilation, pair)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        rank = self.rank(in_channels, out_channels)
        return depthwise_params(in_channels, kernel_size) + rank * (in_channels + out_channels)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return self.params(in_channels, out_channels, kernel_size) * positions(height, stride)

    def rank(self, in_channels: int, out_channels: int) -> int:
        """R, the width between the two 1x1 convolutions."""
        return share_of(self, self.share, max(in_channels, out_channels), "channels")
