"""ACDC_n: a depthwise k x k, then a 1x1 whose weight is a product of diagonals and cosine transforms.

Moczulski et al., "ACDC: A Structured Efficient Linear Layer", ICLR 2016, arXiv:1511.05946, in the form of Separable
Layers (code of Gray et al., BayesWatch/deficient-efficient, and gngdb/pytorch-acdc). With C the DCT-II of size N and
riffle(M) the even columns of M followed by the odd ones, the weight is

    W = prod_j riffle(riffle(diag(A_j) C) diag(D_j) C^-1),    A, D ~ Normal(1, 0.01).

That code stacks one layer fewer than asked, so n layers are n - 1 here too. Its input channels are widened to a divisor
of co by copying the first ones and repeated; where co < ci, output channels e, e + co, ... are summed. Both are folded
into W, so that an ordinary 1x1 of ci * co is executed: the same map at lower cost.

Params 9 * ci + 2 * N * (n - 1), N = max(ci, co); MACs (9 * ci + ci * co) * Ho^2. A transform by FFT would need of the
order of (n - 1) * N * log2(N) in place of ci * co.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Several
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.rebuilt import RebuiltConv
from cheapconv.models.parts.separable import behind_depthwise, depthwise_params
from cheapconv.models.structured import structured


@register(
    "conv",
    "acdc",
    paper="Moczulski et al., ACDC: A Structured Efficient Linear Layer, ICLR 2016, arXiv:1511.05946",
    notation={"ACDC_{layers}": {}},
)
@dataclass(frozen=True, kw_only=True)
class ACDC(Conv):
    """Depthwise convolution, then a 1x1 that is a stack of layers - 1 riffled ACDC layers."""

    layers: Several = 12  # one of them is dropped

    weight_decay_scale = "compression"

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        def rebuilt(stride: int) -> nn.Module:
            source = ACDCWeight(in_channels, out_channels, self.layers - 1)
            return structured(RebuiltConv(source, (out_channels, in_channels, 1, 1), stride))

        return behind_depthwise(in_channels, stride, kernel_size, dilation, rebuilt)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        diagonals = 2 * max(in_channels, out_channels) * (self.layers - 1)
        return depthwise_params(in_channels, kernel_size) + diagonals

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        weights = depthwise_params(in_channels, kernel_size) + in_channels * out_channels
        return weights * positions(height, stride)


class ACDCWeight(nn.Module):
    """The (co, ci) weight that the trained diagonals make."""

    cosines: Tensor
    from_input: Tensor
    to_output: Tensor

    def __init__(self, in_channels: int, out_channels: int, layers: int) -> None:
        super().__init__()
        size = max(in_channels, out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.before = nn.Parameter(torch.empty(layers, size, 1).normal_(1, 0.01))  # A_j, scales rows
        self.between = nn.Parameter(torch.empty(layers, size).normal_(1, 0.01))  # D_j, scales columns
        widened = next((n for n in range(in_channels, size) if size % n == 0), size)
        sources = torch.arange(size) % widened % in_channels  # the input channel that column i of the square W reads
        self.register_buffer("cosines", cosine_transform(size), persistent=False)
        self.register_buffer("from_input", sources, persistent=False)
        self.register_buffer("to_output", torch.arange(size) % out_channels, persistent=False)

    def forward(self) -> Tensor:
        weight = None
        for before, between in zip(self.before, self.between, strict=True):
            layer = riffle(riffle(before * self.cosines) * between @ self.cosines.T)  # C is orthonormal
            weight = layer if weight is None else weight @ layer
        assert weight is not None
        if self.out_channels < self.in_channels:
            return weight.new_zeros(self.out_channels, self.in_channels).index_add(0, self.to_output, weight)
        return weight.new_zeros(self.out_channels, self.in_channels).index_add(1, self.from_input, weight)


def riffle(matrix: Tensor) -> Tensor:
    """The columns 0, 2, 4, ... of `matrix`, then 1, 3, 5, ..."""
    return torch.cat([matrix[:, ::2], matrix[:, 1::2]], dim=1)


def cosine_transform(size: int) -> Tensor:
    """The orthonormal DCT-II, (size, size): row k is a cosine of frequency k. Its norm cancels against its inverse."""
    k = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * k[:, None] * (k + 0.5)) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix.to(torch.get_default_dtype())
