"""ShiftResNet-d for CIFAR: residual blocks with one spatial operation between two 1x1 convolutions.

Wu et al., "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial Convolutions", CVPR 2018, arXiv:1711.08141, and
its code. Block: 1x1 to the inner width, BN, ReLU, one operator of the conv with the stride, BN, ReLU, and the addition,
which no ReLU follows (the maps are sums of activations). With shift(e=E), the paper's conv, the operator is a shift and
a 1x1, the inner width is E times the outputs, and the parameters are those of OD's block, which shifts twice. Widths
16, 32, 64; the shortcut of a block that changes shape is a 1x1 convolution with BN.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise, projection
from cheapconv.models.parts.residual import Depth6n2, blocks_per_stage, residual_stages

WIDTHS = [16, 16, 32, 64]


class OneOperatorBlock(nn.Module):
    """y = ReLU(BN(operator(ReLU(BN(1x1(x)))))) + shortcut(x); the stride is in the operator."""

    def __init__(self, conv: Conv, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        inner = conv.inner_channels(out_channels)
        self.path = nn.Sequential(
            pointwise(in_channels, inner),
            norm_relu(inner),
            conv.operator(inner, out_channels, stride),
            norm_relu(out_channels),
        )
        self.shortcut = projection(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.path(x) + self.shortcut(x)


@register(
    "architecture",
    "shiftresnet",
    paper="Wu et al., Shift, CVPR 2018, arXiv:1711.08141",
    notation={"ShiftResNet-{depth}": {}},
)
@dataclass(frozen=True, kw_only=True)
class ShiftResNet(Architecture):
    """CIFAR ResNet of one 1x1 and one operator a block; depth = 6n + 2, widths 16, 32, 64."""

    depth: Depth6n2

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the sums at the ends of the three stages; PyTorch's default initialisation."""
        stages = residual_stages(OneOperatorBlock, conv, WIDTHS, blocks_per_stage(self.depth))
        stem = nn.Sequential(convolution(3, WIDTHS[0], kernel_size=3), norm_relu(WIDTHS[0]))
        return Network(stem, stages, WIDTHS[1:], classes, neck=nn.Identity())
