"""CIFAR ResNet-d-OD: a ResNet whose blocks end in BN and ReLU before the addition, as OD trains it.

Xie et al., "Training convolutional neural networks with cheap convolutions and online distillation",
arXiv:1909.13063, and its code. The code holds depth 56 only; other depths follow the same rule. Every operator
is followed by BN and ReLU, also where the conv is not one of OD's own. With the standard conv the sizes are those of
ResNet-d, because the place of the ReLU does not change them.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import he_fan_in, initialise
from cheapconv.models.parts.layers import convolution, norm_relu, projection
from cheapconv.models.parts.residual import Depth6n2, blocks_per_stage, residual_path, residual_stages

WIDTHS = [16, 16, 32, 64]


class ActivationBeforeAddBlock(nn.Module):
    """y = ReLU(BN(path(x))) + shortcut(x); the shortcut is x, or a 1x1 convolution with BN where the shape changes."""

    def __init__(self, conv: Conv, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.path = residual_path(conv, in_channels, out_channels, stride)
        self.norm = norm_relu(out_channels)
        self.shortcut = projection(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.path(x)) + self.shortcut(x)


@register(
    "architecture",
    "resnet_od",
    paper="Xie et al., Training CNNs with cheap convolutions and online distillation, arXiv:1909.13063",
    notation={"ResNet-{depth}-OD": {}},
)
@dataclass(frozen=True, kw_only=True)
class ResNetOD(Architecture):
    """CIFAR ResNet of the OD method, ReLU before the addition; depth = 6n + 2, widths 16, 32, 64."""

    depth: Depth6n2 = 56

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the sums at the ends of the three stages (no ReLU follows them)."""
        stages = residual_stages(ActivationBeforeAddBlock, conv, WIDTHS, blocks_per_stage(self.depth))
        stem = nn.Sequential(convolution(3, WIDTHS[0], kernel_size=3), norm_relu(WIDTHS[0]))
        network = Network(stem, stages, WIDTHS[1:], classes, neck=nn.Identity())
        initialise(network, he_fan_in)
        return network
