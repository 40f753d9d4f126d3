"""CIFAR ResNet-d: post-activation residual blocks of widths 16, 32, 64, with projection shortcuts.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2. Deviation: the shortcut of a block
that changes shape is a 1x1 convolution with BN (option B), as in the code of the distillation literature
(RepDistiller), where the paper pads with zeros. ResNet-110 has 18 two-convolution blocks a stage here; other networks
of that name have bottlenecks. With n = (d - 2) / 6 blocks a stage the parameters are

    432 + 32 + sum(blocks with their BN) + sum(ci * co + 2 * co over projections) + 64 * classes + classes.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import he_fan_out, initialise
from cheapconv.models.parts.layers import convolution, norm_relu, projection
from cheapconv.models.parts.pre_activation import EndsInReLU
from cheapconv.models.parts.residual import Depth6n2, blocks_per_stage, residual_path, residual_stages
from cheapconv.models.weights.released import Renames

WIDTHS = [16, 16, 32, 64]
BASIC = {  # what RepDistiller calls the layers of a block with two convolutions
    "layer{n}.{b}.conv1": "stage_modules.{i}.{b}.path.0",
    "layer{n}.{b}.bn1": "stage_modules.{i}.{b}.path.1.0",
    "layer{n}.{b}.conv2": "stage_modules.{i}.{b}.path.2",
    "layer{n}.{b}.bn2": "stage_modules.{i}.{b}.norm",
}
STEM = {"conv1": "stem.0", "bn1": "stem.1.0"}
RELEASED = {  # its resnet8 to resnet110, resnet8x4 and resnet32x4
    **STEM,
    **BASIC,
    "layer{n}.{b}.downsample.{k}": "stage_modules.{i}.{b}.shortcut.{k}",
    "fc": "classifier",
}


class PostActivationBlock(EndsInReLU):
    """y = ReLU(BN(path(x)) + shortcut(x)); the shortcut is x, or a 1x1 convolution with BN where the shape changes."""

    def __init__(self, conv: Conv, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.path = residual_path(conv, in_channels, out_channels, stride)
        self.norm = nn.BatchNorm2d(out_channels)
        self.shortcut = projection(in_channels, out_channels, stride)
        self.relu = nn.ReLU()

    def before_relu(self, x: Tensor) -> Tensor:
        return self.norm(self.path(x)) + self.shortcut(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.before_relu(x))


@register(
    "architecture",
    "resnet",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385",
    notation={"ResNet-{depth}": {}},
)
@dataclass(frozen=True, kw_only=True)
class ResNet(Architecture):
    """CIFAR ResNet with post-activation blocks and projection shortcuts; depth = 6n + 2, widths 16, 32, 64."""

    depth: Depth6n2

    @property
    def released(self) -> Renames:
        return RELEASED

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of each stage."""
        stages = residual_stages(PostActivationBlock, conv, WIDTHS, blocks_per_stage(self.depth))
        stem = nn.Sequential(convolution(3, WIDTHS[0], kernel_size=3), norm_relu(WIDTHS[0]))
        network = Network(stem, stages, WIDTHS[1:], classes, neck=nn.Identity(), post_activation=True)
        initialise(network, he_fan_out)
        return network
