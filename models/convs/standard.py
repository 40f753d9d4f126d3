"""S: the standard k x k convolution, the one that every other conv is compared with.

Params k^2 * ci * co; MACs params * Ho^2.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution


@register(
    "conv", "standard", paper="He et al., Deep Residual Learning, CVPR 2016, arXiv:1512.03385", notation={"S": {}}
)
@dataclass(frozen=True, kw_only=True)
class Standard(Conv):
    """Standard k x k convolution."""

    is_standard = True

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        return convolution(in_channels, out_channels, kernel_size, stride, dilation)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return kernel_size**2 * in_channels * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return self.params(in_channels, out_channels, kernel_size) * positions(height, stride)
