"""CSC(e=E): 1x1 to E * co channels, BN, ReLU, one shift, 1x1; it replaces a whole two-convolution residual block.

The conv-shift-conv module of Wu et al., "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions", CVPR
2018, arXiv:1711.08141, in the form of the authors' CIFAR code (alvinwan/shiftresnet-cifar): the last 1x1 carries the
stride. OD's shift block has a second shift before the first 1x1 (models/convs/od_shift.py).

Params ci * mid + 2 * mid + mid * co with mid = E * co; MACs ci * mid * H^2 + mid * co * Ho^2: no spatial weight at all.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Few
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import norm_relu, pointwise
from cheapconv.models.parts.shift import Shift


@register(
    "conv",
    "csc",
    paper="Wu et al., Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions, CVPR 2018, "
    "arXiv:1711.08141",
    notation={"CSC(e={expansion})": {}},
)
@dataclass(frozen=True, kw_only=True)
class ConvShiftConv(Conv):
    """1x1, BN-ReLU, shift, 1x1; `expansion` times the outputs lie between."""

    expansion: Few = 1

    operators_per_block = 1

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        mid = self.expansion * out_channels
        return nn.Sequential(
            pointwise(in_channels, mid),
            norm_relu(mid),
            Shift(kernel_size, dilation, mid),
            pointwise(mid, out_channels, stride),
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return (in_channels + 2 + out_channels) * self.expansion * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        mid = self.expansion * out_channels
        return in_channels * mid * height**2 + mid * out_channels * positions(height, stride)
