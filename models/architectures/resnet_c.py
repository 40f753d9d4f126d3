"""ResNet-18-C, ResNet-34-C and ResNet-50-C: ImageNet's ResNets with a stem for CIFAR (post-activation).

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, Table 1, with a 3x3 stem of stride 1 and no
pooling, as the distillation literature uses them (RepDistiller, whose "ResNet50" is ResNet-50-C). Stages of 64, 128,
256 and 512 channels; depth 50 has bottleneck blocks of these inner widths and four times as many outputs, and there
the conv replaces the 3x3 of each.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.architectures.resnet import BASIC, STEM, PostActivationBlock
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.bottleneck_block import BottleneckBlock
from cheapconv.models.parts.initialise import he_fan_out, initialise
from cheapconv.models.parts.layers import convolution, norm_relu
from cheapconv.models.parts.residual import residual_stages
from cheapconv.models.weights.released import Renames

BLOCKS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}
WIDTHS = [64, 128, 256, 512]
EXPANSION = 4  # of the bottleneck
BOTTLENECK = {  # what RepDistiller calls the layers of its ResNet50's blocks
    "layer{n}.{b}.conv1": "stage_modules.{i}.{b}.path.0",
    "layer{n}.{b}.bn1": "stage_modules.{i}.{b}.path.1.0",
    "layer{n}.{b}.conv2": "stage_modules.{i}.{b}.path.2",
    "layer{n}.{b}.bn2": "stage_modules.{i}.{b}.path.3.0",
    "layer{n}.{b}.conv3": "stage_modules.{i}.{b}.path.4",
    "layer{n}.{b}.bn3": "stage_modules.{i}.{b}.path.5",
}
ENDS = {"layer{n}.{b}.shortcut.{k}": "stage_modules.{i}.{b}.shortcut.{k}", "linear": "classifier"}


@register(
    "architecture",
    "resnet_c",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385",
    notation={"ResNet-{depth}-C": {}},
)
@dataclass(frozen=True, kw_only=True)
class ResNetC(Architecture):
    """ImageNet's ResNet with a 3x3 stem for CIFAR; depth 18 or 34 (two convolutions a block) or 50 (bottlenecks)."""

    depth: Literal[18, 34, 50]

    @property
    def released(self) -> Renames:
        return {**STEM, **(BOTTLENECK if self.depth == 50 else BASIC), **ENDS}

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of each stage."""
        bottlenecks = self.depth == 50
        widths = [EXPANSION * width for width in WIDTHS] if bottlenecks else WIDTHS
        block = bottleneck if bottlenecks else PostActivationBlock
        stages = residual_stages(block, conv, [64, *widths], BLOCKS[self.depth])
        stem = nn.Sequential(convolution(3, 64, kernel_size=3), norm_relu(64))
        network = Network(stem, stages, widths, classes, neck=nn.Identity(), post_activation=True)
        initialise(network, he_fan_out)
        return network


def bottleneck(conv: Conv, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Bottleneck block with a quarter of its outputs inside."""
    return BottleneckBlock(conv, in_channels, out_channels, stride, inner=out_channels // EXPANSION)
