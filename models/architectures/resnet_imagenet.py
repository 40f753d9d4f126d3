"""ResNet-18 and ResNet-34 for ImageNet (post-activation), whose 3x3 convolutions take Moonshine's blocks.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, Table 1; Crowley et al., "Moonshine", NeurIPS
2018, section 5.1. Stem: 7x7 of stride 2 to 64, BN, ReLU, 3x3 max pooling of stride 2. The conv replaces both
convolutions of every block; stem, 1x1 projections and classifier stay. ResNet-18-0.5 is the smaller baseline of
Moonshine: its last three stages have half the channels.

The names ResNet-18 and ResNet-34 mean these networks, because CIFAR's ResNet-d has d = 6n + 2. The form
ResNet-d-ImageNet is accepted too.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le
from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.architectures.resnet import PostActivationBlock
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import he_fan_out, initialise
from cheapconv.models.parts.layers import convolution, norm_relu
from cheapconv.models.parts.residual import residual_stages

BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3]}


@register(
    "architecture",
    "resnet_imagenet",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385",
    notation={
        "ResNet-18": {"depth": 18, "width": 1.0},
        "ResNet-34": {"depth": 34, "width": 1.0},
        "ResNet-18-0.5": {"depth": 18, "width": 0.5},
        "ResNet-34-0.5": {"depth": 34, "width": 0.5},
        "ResNet-{depth}-ImageNet": {"width": 1.0},
        "ResNet-18-{width}": {"depth": 18},
        "ResNet-34-{width}": {"depth": 34},
    },
)
@dataclass(frozen=True, kw_only=True)
class ResNetImageNet(Architecture):
    """ImageNet ResNet of two-convolution blocks; depth 18 or 34, the last three stages `width` times 128, 256, 512."""

    depth: Literal[18, 34]
    width: Annotated[float, Ge(1 / 128), Le(64)] = 1.0  # leaves a channel of 128

    def widths(self) -> list[int]:
        """Channels after the stem and after each stage."""
        return [64, 64, *(int(self.width * full) for full in (128, 256, 512))]

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of each stage, at 1/4, 1/8, 1/16 and 1/32 of the side."""
        widths = self.widths()
        stages = residual_stages(PostActivationBlock, conv, widths, BLOCKS[self.depth])
        stem = nn.Sequential(convolution(3, 64, kernel_size=7, stride=2), norm_relu(64), nn.MaxPool2d(3, 2, padding=1))
        network = Network(stem, stages, widths[1:], classes, neck=nn.Identity(), post_activation=True)
        initialise(network, he_fan_out)
        return network
