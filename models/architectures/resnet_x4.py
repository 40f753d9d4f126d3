"""CIFAR ResNet-dx4: ResNet-d with a stem of 32 and stages of 64, 128 and 256 channels (post-activation).

The wide teachers and students of the distillation literature (RepDistiller). The widths are four times those of
ResNet-d, the stem's only twice, so the first block of the first stage has a projection too.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.architectures.resnet import RELEASED, PostActivationBlock
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import he_fan_out, initialise
from cheapconv.models.parts.layers import convolution, norm_relu
from cheapconv.models.parts.residual import Depth6n2, blocks_per_stage, residual_stages
from cheapconv.models.weights.released import Renames

WIDTHS = [32, 64, 128, 256]


@register(
    "architecture",
    "resnet_x4",
    paper="Tian et al., Contrastive Representation Distillation, ICLR 2020, arXiv:1910.10699",
    notation={"ResNet-{depth}x4": {}},
)
@dataclass(frozen=True, kw_only=True)
class ResNetX4(Architecture):
    """CIFAR ResNet four times as wide; depth = 6n + 2, stem 32, widths 64, 128, 256."""

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
