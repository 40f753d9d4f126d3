"""Factorised_s: a k x k convolution as a 1 x k to R channels and a k x 1 back.

Jaderberg et al., "Speeding up Convolutional Neural Networks with Low Rank Expansions", BMVC 2014, arXiv:1405.3866
(scheme 2, nothing between the two); with `inner_norm` there is BN and ReLU between them, as in the asymmetric
convolutions of Inception-v3 (Szegedy et al., CVPR 2016, arXiv:1512.00567). R = int(share * max(ci, co)). Each of the
two carries the stride of its own axis.

Params k * R * (ci + co), and 2 * R with `inner_norm`; MACs k * R * (ci * H * Ho + co * Ho^2).
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, output_side
from cheapconv.models.parts.layers import norm_relu, strip
from cheapconv.models.parts.share import share_of
from cheapconv.models.structured import structured


@register(
    "conv",
    "factorised",
    paper="Jaderberg et al., Speeding up CNNs with Low Rank Expansions, BMVC 2014, arXiv:1405.3866",
    notation={"Factorised_{share}": {"inner_norm": False}},
)
@dataclass(frozen=True, kw_only=True)
class Factorised(Conv):
    """1 x k to `share` of the larger width, then k x 1, with or without BN-ReLU between."""

    share: SomeShare = 1.0
    inner_norm: bool = False

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        rank = self.rank(in_channels, out_channels)
        return nn.Sequential(
            structured(strip(in_channels, rank, kernel_size, 3, stride, dilation)),
            *([norm_relu(rank)] if self.inner_norm else []),
            structured(strip(rank, out_channels, kernel_size, 2, stride, dilation)),
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        rank = self.rank(in_channels, out_channels)
        return kernel_size * rank * (in_channels + out_channels) + (2 * rank if self.inner_norm else 0)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        rank, after = self.rank(in_channels, out_channels), output_side(height, stride)
        return kernel_size * rank * (in_channels * height * after + out_channels * after**2)

    def rank(self, in_channels: int, out_channels: int) -> int:
        """R, the width between the two convolutions."""
        return share_of(self, self.share, max(in_channels, out_channels), "channels")
