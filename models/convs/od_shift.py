"""shift(e=E): OD's shift operator, a shift of the incoming channels and then a 1x1 convolution, with nothing between.

Xie et al., "Training convolutional neural networks with cheap convolutions and online distillation",
arXiv:1909.13063, and its code. The shift itself is Wu et al., CVPR 2018, arXiv:1711.08141.
A residual block is two operators with an inner width mid of E times the block's outputs. Its stride is in the last 1x1,
so both shifts see the full resolution.

Params ci * co and MACs ci * co * Ho^2 an operator, so ci * mid + mid * co params a block: no spatial weight at all.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Few
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import pointwise
from cheapconv.models.parts.shift import Shift


@register(
    "conv",
    "od_shift",
    paper="Xie et al., Training CNNs with cheap convolutions and online distillation, arXiv:1909.13063",
    notation={"shift(e={expansion})": {}},
)
@dataclass(frozen=True, kw_only=True)
class ODShift(Conv):
    """Shift, then 1x1; the inner width of a block is `expansion` times its outputs."""

    expansion: Few = 1

    stride_in_last = True

    def inner_channels(self, out_channels: int) -> int:
        return self.expansion * out_channels

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        return nn.Sequential(Shift(kernel_size, dilation, in_channels), pointwise(in_channels, out_channels, stride))

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return in_channels * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return in_channels * out_channels * positions(height, stride)
