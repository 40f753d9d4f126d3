"""Hashed_s: a k x k convolution whose weights take int(share * 9 * ci * co) values, assigned by a hash.

Chen et al., "Compressing Neural Networks with the Hashing Trick", ICML 2015, arXiv:1504.04788, in the form of Separable
Layers (code of Gray et al., BayesWatch/deficient-efficient): a bias is always there, and the values start as the first
ones of a default-initialised weight. HashedDecimate is a tenth. It saves memory only: the dense weight is rebuilt and
an ordinary convolution executed. Weight decay is not scaled, which that code found to be better for hashed weights.

Params int(share * 9 * ci * co) + co; MACs 9 * ci * co * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.hashed import HashedWeight
from cheapconv.models.parts.layers import require_odd
from cheapconv.models.parts.rebuilt import RebuiltConv
from cheapconv.models.parts.share import share_of


@register(
    "conv",
    "hashed",
    paper="Chen et al., Compressing Neural Networks with the Hashing Trick, ICML 2015, arXiv:1504.04788",
    notation={"HashedDecimate": {"share": 0.1}, "Hashed_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class Hashed(Conv):
    """k x k convolution with `share` of its weights free and every element one of them."""

    share: SomeShare

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        require_odd(kernel_size)
        dense = nn.Conv2d(in_channels, out_channels, kernel_size)
        source = HashedWeight(dense.weight, self._budget(in_channels, out_channels, kernel_size))
        shape = (out_channels, in_channels, kernel_size, kernel_size)
        return RebuiltConv(source, shape, stride, dilation, bias=dense.bias)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return self._budget(in_channels, out_channels, kernel_size) + out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return kernel_size**2 * in_channels * out_channels * positions(height, stride)

    def _budget(self, in_channels: int, out_channels: int, kernel_size: int) -> int:
        return share_of(self, self.share, kernel_size**2 * in_channels * out_channels, "weights")
