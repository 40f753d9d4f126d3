"""Sep: a depthwise k x k convolution, then a 1x1, by default with nothing between.

Sifre, "Rigid-Motion Scattering for Image Classification", 2014; Chollet, "Xception", CVPR 2017, arXiv:1610.02357 (no
norm or activation between the two). With `inner_norm` it is the separable convolution of MobileNet (arXiv:1704.04861),
which Moonshine writes G(N). The stride is in the depthwise convolution, other than in od-dw. `kernel` puts a larger
depthwise kernel in place of the k x k, as ConvNeXt (arXiv:2201.03545, 7x7) and RepLKNet (arXiv:2203.06717, 31x31) do.

Params 9 * ci + ci * co, and 2 * ci with `inner_norm`; MACs (9 * ci + ci * co) * Ho^2; `kernel`^2 for 9 if given.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Window
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise, require_odd


@register(
    "conv",
    "separable",
    paper="Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR 2017, arXiv:1610.02357",
    notation={"Sep": {"inner_norm": False}, "Sep-k{kernel}": {"inner_norm": False}},
)
@dataclass(frozen=True, kw_only=True)
class Separable(Conv):
    """Depthwise convolution, then 1x1, with or without BN-ReLU between; `kernel` replaces kernels larger than 1."""

    inner_norm: bool = False
    kernel: Window | None = None

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        require_odd(kernel_size)
        if kernel_size == 1:
            return pointwise(in_channels, out_channels, stride)
        depthwise = convolution(in_channels, in_channels, self._kernel(kernel_size), stride, dilation, in_channels)
        between = [norm_relu(in_channels)] if self.inner_norm else []
        return nn.Sequential(depthwise, *between, pointwise(in_channels, out_channels))

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        norm = 2 * in_channels if self.inner_norm and kernel_size > 1 else 0
        return self._weights(in_channels, out_channels, kernel_size) + norm

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return self._weights(in_channels, out_channels, kernel_size) * positions(height, stride)

    def _kernel(self, kernel_size: int) -> int:
        return self.kernel or kernel_size

    def _weights(self, in_channels: int, out_channels: int, kernel_size: int) -> int:
        depthwise = in_channels * self._kernel(kernel_size) ** 2 if kernel_size > 1 else 0
        return depthwise + in_channels * out_channels
