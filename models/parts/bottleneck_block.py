"""The post-activation bottleneck block of He et al., CVPR 2016, Figure 5: 1x1, 3x3, 1x1 and an addition."""

from torch import Tensor, nn

from cheapconv.models.conv import Conv
from cheapconv.models.parts.layers import norm_relu, pointwise, projection
from cheapconv.models.parts.pre_activation import EndsInReLU
from cheapconv.models.parts.single import single_operator


class BottleneckBlock(EndsInReLU):
    """y = ReLU(BN(1x1(3x3(1x1(x)))) + shortcut(x)) with BN-ReLU between the convolutions and the stride in the 3x3.

    The conv replaces the 3x3, of `inner` channels; the 1x1 convolutions and the projection stay standard.
    """

    def __init__(self, conv: Conv, in_channels: int, out_channels: int, stride: int, *, inner: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            pointwise(in_channels, inner),
            norm_relu(inner),
            single_operator(conv, inner, inner, stride),
            norm_relu(inner),
            pointwise(inner, out_channels),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = projection(in_channels, out_channels, stride)

    def before_relu(self, x: Tensor) -> Tensor:
        return self.path(x) + self.shortcut(x)
