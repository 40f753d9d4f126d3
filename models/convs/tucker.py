"""Tucker_s (D dims): a depthwise k x k, then a 1x1 whose co x ci weight is in Tucker form with a tensor-train core.

Tucker, "Some mathematical notes on three-mode factor analysis", Psychometrika 1966, as the pointwise map of Separable
Layers (code of Gray et al., BayesWatch/deficient-efficient). The weight is folded into D dimensions d_j, each with a
factor d_j x r_j, r_j = round(share * d_j), at least 1; what remains is stored as a tensor train with the ranks R_j of
the whole weight, cut from the last dimension to the first to what the r_j leave. The factors start as the
decomposition of a default-initialised weight. The dense weight is rebuilt from them and an ordinary 1x1 is executed.

Params 9 * ci + sum(d_j * r_j) + sum(R_{j-1} * r_j * R_j); MACs (9 * ci + ci * co) * Ho^2.
"""

from dataclasses import dataclass

import torch
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
    "tucker",
    paper="Tucker, Some mathematical notes on three-mode factor analysis, Psychometrika 1966",
    notation={"Tucker_{share} ({dimensions} dims)": {}},
)
@dataclass(frozen=True, kw_only=True)
class Tucker(Conv):
    """Depthwise convolution, then a 1x1 in Tucker form of `dimensions` factors with `share` of the full ranks."""

    share: SomeShare
    dimensions: Several = 3

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        def rebuilt(stride: int) -> nn.Module:
            dense = pointwise(in_channels, out_channels).weight
            source = TuckerWeight(dense, *self._shape(in_channels, out_channels))
            return structured(RebuiltConv(source, (out_channels, in_channels, 1, 1), stride))

        return behind_depthwise(in_channels, stride, kernel_size, dilation, rebuilt)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        shape, ranks, train_ranks = self._shape(in_channels, out_channels)
        factors = sum(d * r for d, r in zip(shape, ranks, strict=True))
        return depthwise_params(in_channels, kernel_size) + factors + train_params(ranks, train_ranks)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        weights = depthwise_params(in_channels, kernel_size) + in_channels * out_channels
        return weights * positions(height, stride)

    def _shape(self, in_channels: int, out_channels: int) -> tuple[list[int], list[int], list[int]]:
        """Dimensions d_j of the folded weight, ranks r_j of the factors, ranks R_j between the cores."""
        shape = folded(in_channels * out_channels, self.dimensions)
        ranks = [min(scaled_rank(self.share, d), d) for d in shape]
        train = [1, *feasible_ranks(shape), 1]  # R_0 .. R_D
        for j in reversed(range(len(shape))):
            ranks[j] = min(ranks[j], train[j] * train[j + 1])
            if j > 0:
                train[j] = min(train[j], ranks[j] * train[j + 1])
        return shape, ranks, train[1:-1]


class TuckerWeight(nn.Module):
    """The weight that trained factors (d_j, r_j) and trained cores (R_{j-1}, r_j, R_j) make."""

    def __init__(self, dense: Tensor, shape: list[int], ranks: list[int], train_ranks: list[int]) -> None:
        super().__init__()
        factors, cores = factorise(decompose(dense, shape, feasible_ranks(shape)), ranks, train_ranks)
        self.factors = nn.ParameterList(factors)
        self.cores = nn.ParameterList(cores)

    def forward(self) -> Tensor:
        pairs = zip(self.factors, self.cores, strict=True)
        return product([torch.matmul(factor, core) for factor, core in pairs])  # cores (R_{j-1}, d_j, R_j)


@torch.no_grad()
def factorise(cores: list[Tensor], ranks: list[int], train_ranks: list[int]) -> tuple[list[Tensor], list[Tensor]]:
    """Split a factor off every core of a train, from the last to the first, truncated to the ranks given.

    A core (R_left, d, R_right) becomes a factor (d, r) and a core (R_left, r, R_right) whose rows are made orthonormal
    by moving the rest into the core before it.
    """
    factors, small = [], []
    carried = cores[-1].new_ones(1, 1)  # what the core to the right has passed on, (R, R_right)
    for core, rank, left in zip(reversed(cores), reversed(ranks), reversed([1, *train_ranks]), strict=True):
        core = core @ carried
        unfolded = core.transpose(0, 1).flatten(1)  # (d, R_left * R_right)
        u, s, v = torch.linalg.svd(unfolded, full_matrices=False)
        factors.append(u[:, :rank].contiguous())
        core = (s[:rank, None] * v[:rank]).reshape(rank, core.shape[0], core.shape[2]).transpose(0, 1)
        q, r = torch.linalg.qr(core.flatten(1).T)  # core = r.T @ q.T
        assert q.shape[1] == left, "the train's ranks are those that the factors leave"
        small.append(q.T.reshape(left, rank, -1).contiguous())
        carried = r.T
    small[-1] = small[-1] * carried
    return factors[::-1], small[::-1]
