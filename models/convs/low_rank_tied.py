"""LR_r: a depthwise k x k, then a 1x1 to R channels and its transpose back, with nothing between.

The tied low-rank map of Separable Layers (code of Gray et al., BayesWatch/deficient-efficient): the input is repeated
co / ci times along its channels to co channels, then multiplied by W (R x co) and by W transposed, where
R = int(share * max(ci, co)). So the map is W^T W, of rank R, symmetric and positive.

Params 9 * ci + R * co; MACs (9 * ci + 2 * R * co) * Ho^2.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from cheapconv.catalog import register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import pointwise
from cheapconv.models.parts.separable import behind_depthwise, depthwise_params
from cheapconv.models.parts.share import share_of
from cheapconv.models.structured import structured


@register(
    "conv",
    "low_rank_tied",
    paper="Gray et al., Separable Layers Enable Structured Efficient Linear Substitutions, arXiv:1906.00859",
    notation={"LR_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class LowRankTied(Conv):
    """Depthwise convolution, then 1x1 to `share` of the larger width and the transposed 1x1 back."""

    share: SomeShare

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        self.require_divisible(out_channels, in_channels, "output channels")
        repeats, rank = out_channels // in_channels, self.rank(in_channels, out_channels)

        def tied(stride: int) -> nn.Module:
            return structured(TiedPair(repeats, out_channels, rank, stride))

        return behind_depthwise(in_channels, stride, kernel_size, dilation, tied)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return depthwise_params(in_channels, kernel_size) + self.rank(in_channels, out_channels) * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        pair = 2 * self.rank(in_channels, out_channels) * out_channels
        return (depthwise_params(in_channels, kernel_size) + pair) * positions(height, stride)

    def rank(self, in_channels: int, out_channels: int) -> int:
        """R, the rows of W."""
        return share_of(self, self.share, max(in_channels, out_channels), "channels")


class TiedPair(nn.Module):
    """x, repeated to `channels` channels, times W and W transposed."""

    def __init__(self, repeats: int, channels: int, rank: int, stride: int) -> None:
        super().__init__()
        self.repeats = repeats
        self.down = pointwise(channels, rank, stride)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x.repeat(1, self.repeats, 1, 1))  # (B, R, Ho, Wo)
        return functional.conv2d(x, self.down.weight.transpose(0, 1))
