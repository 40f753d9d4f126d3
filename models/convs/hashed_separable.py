"""HashedSeparable: a depthwise k x k and a 1x1, both hashed, which share a budget in proportion to their weights.

From Separable Layers (code of Gray et al., BayesWatch/deficient-efficient); the hashing is that of Chen et al., ICML
2015, arXiv:1504.04788. Both parts have a bias. The dense weights are rebuilt and ordinary convolutions executed.
Weight decay is not scaled. With W = 9 * ci + ci * co weights and B = int(share * W):

Params int(B * 9 * ci / W) + ci + int(B * ci * co / W) + co; MACs W * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.hashed import HashedWeight
from cheapconv.models.parts.layers import require_odd
from cheapconv.models.parts.rebuilt import RebuiltConv
from cheapconv.models.parts.separable import depthwise_params
from cheapconv.models.parts.share import share_of


@register(
    "conv",
    "hashed_separable",
    paper="Gray et al., Separable Layers Enable Structured Efficient Linear Substitutions, arXiv:1906.00859",
    notation={"HashedSeparable": {"share": 0.1}, "HashedSeparable_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class HashedSeparable(Conv):
    """Hashed depthwise convolution, then a hashed 1x1, with `share` of the weights of both."""

    share: SomeShare = 0.1

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        require_odd(kernel_size)
        depthwise, pointwise = self._budgets(in_channels, out_channels, kernel_size)
        if kernel_size == 1:
            return _hashed(in_channels, out_channels, 1, pointwise, stride)
        return nn.Sequential(
            _hashed(in_channels, in_channels, kernel_size, depthwise, stride, dilation, groups=in_channels),
            _hashed(in_channels, out_channels, 1, pointwise),
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        biases = out_channels + (in_channels if kernel_size > 1 else 0)
        return sum(self._budgets(in_channels, out_channels, kernel_size)) + biases

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        weights = depthwise_params(in_channels, kernel_size) + in_channels * out_channels
        return weights * positions(height, stride)

    def _budgets(self, in_channels: int, out_channels: int, kernel_size: int) -> tuple[int, int]:
        """Values of the depthwise part, 0 for k = 1, and of the 1x1."""
        depthwise, pointwise = depthwise_params(in_channels, kernel_size), in_channels * out_channels
        weights = depthwise + pointwise
        budget = share_of(self, self.share, weights, "weights")
        parts = budget * depthwise // weights, budget * pointwise // weights
        if parts[1] < 1 or (depthwise and parts[0] < 1):
            raise ValueError(f"{canonical(self)} leaves no value for {depthwise} depthwise weights: raise its share")
        return parts


def _hashed(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    budget: int,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
) -> RebuiltConv:
    dense = nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups)
    assert dense.bias is not None
    shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
    return RebuiltConv(HashedWeight(dense.weight, budget), shape, stride, dilation, groups, dense.bias)
