"""CP_s: a rank-R canonical polyadic decomposition of the kernel: 1x1, k x 1 depthwise, 1 x k depthwise, 1x1.

Lebedev et al., "Speeding-up Convolutional Neural Networks Using Fine-tuned CP-Decomposition", ICLR 2015,
arXiv:1412.6553. R = int(share * max(ci, co)) channels lie between the 1x1 convolutions, nothing is between the four.
Each depthwise part carries the stride of its own axis. As here the network is trained from scratch, the factors start
by the architecture's rule rather than from a decomposed network.

Params R * (ci + 2 * k + co); MACs R * (ci * H^2 + k * H * Ho + (k + co) * Ho^2); without the 2 * k, k = 1 is a pair of
1x1 convolutions of which the first carries the stride.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, output_side, positions
from cheapconv.models.parts.layers import pointwise, strip
from cheapconv.models.parts.share import share_of
from cheapconv.models.structured import structured


@register(
    "conv",
    "cp",
    paper="Lebedev et al., Speeding-up CNNs Using Fine-tuned CP-Decomposition, ICLR 2015, arXiv:1412.6553",
    notation={"CP_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class CP(Conv):
    """1x1 to `share` of the larger width, depthwise k x 1 and 1 x k, 1x1."""

    share: SomeShare

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        rank = self.rank(in_channels, out_channels)
        if kernel_size == 1:
            return structured(nn.Sequential(pointwise(in_channels, rank, stride), pointwise(rank, out_channels)))
        return structured(
            nn.Sequential(
                pointwise(in_channels, rank),
                strip(rank, rank, kernel_size, 2, stride, dilation, groups=rank),
                strip(rank, rank, kernel_size, 3, stride, dilation, groups=rank),
                pointwise(rank, out_channels),
            )
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        spatial = 2 * kernel_size if kernel_size > 1 else 0
        return self.rank(in_channels, out_channels) * (in_channels + spatial + out_channels)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        rank, after = self.rank(in_channels, out_channels), output_side(height, stride)
        if kernel_size == 1:
            return rank * (in_channels + out_channels) * positions(height, stride)
        strips = kernel_size * after * height + kernel_size * after**2
        return rank * (in_channels * height**2 + strips + out_channels * after**2)

    def rank(self, in_channels: int, out_channels: int) -> int:
        """R, the number of rank-one terms."""
        return share_of(self, self.share, max(in_channels, out_channels), "channels")
