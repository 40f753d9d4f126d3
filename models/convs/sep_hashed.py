"""SepHashed_s: a depthwise k x k, then a hashed 1x1 of int(share * ci * co) values.

The hashed pointwise map of Separable Layers (code of Gray et al., BayesWatch/deficient-efficient); the hashing is that
of Chen et al., ICML 2015, arXiv:1504.04788. With `share_of_full` the budget is a share of the k x k convolution that is
replaced, from which the depthwise weights are taken: SepHashedDecimate is a tenth. A bias is always there. The dense
weight is rebuilt and an ordinary 1x1 executed. Weight decay is not scaled.

Params 9 * ci + int(share * ci * co) + co, or int(share_of_full * 9 * ci * co) + co; MACs (9 * ci + ci * co) * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.hashed import HashedWeight
from cheapconv.models.parts.rebuilt import RebuiltConv
from cheapconv.models.parts.separable import behind_depthwise, depthwise_params
from cheapconv.models.parts.share import share_of


@register(
    "conv",
    "sep_hashed",
    paper="Gray et al., Separable Layers Enable Structured Efficient Linear Substitutions, arXiv:1906.00859",
    notation={"SepHashedDecimate": {"share_of_full": 0.1}, "SepHashed_{share}": {}},
)
@dataclass(frozen=True, kw_only=True)
class SepHashed(Conv):
    """Depthwise convolution, then a hashed 1x1; the budget is a `share` of the 1x1 or a `share_of_full` of all."""

    share: SomeShare | None = None
    share_of_full: SomeShare | None = None

    def __post_init__(self) -> None:
        if (self.share is None) == (self.share_of_full is None):
            raise ValueError("give exactly one of share and share_of_full")

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        budget = self._budget(in_channels, out_channels, kernel_size)

        def hashed(stride: int) -> nn.Module:
            dense = nn.Conv2d(in_channels, out_channels, 1)
            source = HashedWeight(dense.weight, budget)
            return RebuiltConv(source, (out_channels, in_channels, 1, 1), stride, bias=dense.bias)

        return behind_depthwise(in_channels, stride, kernel_size, dilation, hashed)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        budget = self._budget(in_channels, out_channels, kernel_size)
        return depthwise_params(in_channels, kernel_size) + budget + out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        weights = depthwise_params(in_channels, kernel_size) + in_channels * out_channels
        return weights * positions(height, stride)

    def _budget(self, in_channels: int, out_channels: int, kernel_size: int) -> int:
        """Values of the hashed 1x1."""
        full, pointwise = kernel_size**2 * in_channels * out_channels, in_channels * out_channels
        if self.share is not None:
            return share_of(self, self.share, pointwise, "weights")
        assert self.share_of_full is not None
        depthwise = depthwise_params(in_channels, kernel_size)
        budget = share_of(self, self.share_of_full, full, "weights") - depthwise
        if not 1 <= budget <= pointwise:
            raise ValueError(
                f"{canonical(self)} leaves {budget} values for the {pointwise} weights of the 1x1 behind a depthwise "
                f"convolution of {depthwise}; choose another share_of_full for {in_channels} to {out_channels} channels"
            )
        return budget
