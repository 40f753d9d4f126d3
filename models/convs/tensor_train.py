"""TensorTrain_s (D dims): a depthwise k x k, then a 1x1 whose co x ci weight is a tensor train.

Novikov et al., "Tensorizing Neural Networks", NeurIPS 2015, arXiv:1509.06569, as the pointwise map of Separable Layers
(code of Gray et al., BayesWatch/deficient-efficient). The weight is folded into D dimensions d_j; the rank between d_j
and d_{j+1} is r_j = round(share * min(d_j, d_{j+1})), at least 1 and at most what is feasible. The cores start as the
decomposition of a default-initialised weight. The dense weight is rebuilt from them and an ordinary 1x1 is executed.

Params 9 * ci + sum(r_{j-1} * d_j * r_j); MACs (9 * ci + ci * co) * Ho^2.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Several, SomeShare
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import pointwise
from cheapconv.models.parts.rebuilt import RebuiltConv
from cheapconv.models.parts.separable import behind_depthwise, depthwise_params
from cheapconv.models.parts.tensor_train import (
    decompose,
    feasible_ranks,
    folded,
    product,
    scaled_rank,
    train_params,
)
from cheapconv.models.structured import structured


@register(
    "conv",
    "tensor_train",
    paper="Novikov et al., Tensorizing Neural Networks, NeurIPS 2015, arXiv:1509.06569",
    notation={"TensorTrain_{share} ({dimensions} dims)": {}},
)
@dataclass(frozen=True, kw_only=True)
class TensorTrain(Conv):
    """Depthwise convolution, then a 1x1 as a tensor train of `dimensions` cores with `share` of the full ranks."""

    share: SomeShare
    dimensions: Several = 3

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        def rebuilt(stride: int) -> nn.Module:
            dense = pointwise(in_channels, out_channels).weight
            source = TensorTrainWeight(dense, *self._shape(in_channels, out_channels))
            return structured(RebuiltConv(source, (out_channels, in_channels, 1, 1), stride))

        return behind_depthwise(in_channels, stride, kernel_size, dilation, rebuilt)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return depthwise_params(in_channels, kernel_size) + train_params(*self._shape(in_channels, out_channels))

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        weights = depthwise_params(in_channels, kernel_size) + in_channels * out_channels
        return weights * positions(height, stride)

    def _shape(self, in_channels: int, out_channels: int) -> tuple[list[int], list[int]]:
        """Dimensions of the folded weight, and the ranks between them."""
        shape = folded(in_channels * out_channels, self.dimensions)
        asked = [scaled_rank(self.share, min(shape[j : j + 2])) for j in range(len(shape) - 1)]
        return shape, [min(r, limit) for r, limit in zip(asked, feasible_ranks(shape), strict=True)]


class TensorTrainWeight(nn.Module):
    """The weight that the product of the trained cores is."""

    def __init__(self, dense: Tensor, shape: list[int], ranks: list[int]) -> None:
        super().__init__()
        self.cores = nn.ParameterList(decompose(dense, shape, ranks))

    def forward(self) -> Tensor:
        return product(list(self.cores))
