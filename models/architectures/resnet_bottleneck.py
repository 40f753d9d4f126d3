"""CIFAR ResNets of bottleneck blocks (post-activation): ResNet-110-B12, ResNet-110-B18 and WRN-20-8-B.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, Figure 5, in the CIFAR layout: stem of 16, three
stages of `blocks` blocks with 64, 128 and 256 outputs and 16, 32 and 64 times `width` inner channels.
Three networks are called ResNet-110 in the literature (parameters with 10 / 100 classes):

    ResNet-110      54 blocks of two 3x3 convolutions (resnet)           1,730,714 / 1,736,564   RepDistiller
    ResNet-110-B12  36 bottlenecks, 110 layers                           1,147,738 / 1,170,868   OKDDip, MCL-OKD, PCL
    ResNet-110-B18  54 bottlenecks, 164 layers in spite of the name      1,704,154 / 1,727,284   ONE

WRN-20-8-B (6,871,220 with 100 classes) is the "WRN-20-8" of OKDDip, no wide ResNet of Zagoruyko & Komodakis. The conv
replaces the 3x3 of each block.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le
from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Width
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.bottleneck_block import BottleneckBlock
from cheapconv.models.parts.initialise import he_fan_out, initialise
from cheapconv.models.parts.layers import convolution, norm_relu
from cheapconv.models.parts.residual import residual_stages

STEM, EXPANSION = 16, 4
WIDTHS = [STEM, 64, 128, 256]


@register(
    "architecture",
    "resnet_bottleneck",
    paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016, arXiv:1512.03385",
    notation={
        "ResNet-110-B12": {"blocks": 12, "width": 1},
        "ResNet-110-B18": {"blocks": 18, "width": 1},
        "WRN-20-8-B": {"blocks": 2, "width": 8},
    },
)
@dataclass(frozen=True, kw_only=True)
class ResNetBottleneck(Architecture):
    """CIFAR ResNet of `blocks` bottlenecks a stage, each `width` times as wide inside as the standard one."""

    blocks: Annotated[int, Ge(1), Le(200)]
    width: Width = 1

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of each stage."""

        def block(conv: Conv, in_channels: int, out_channels: int, stride: int) -> nn.Module:
            inner = out_channels // EXPANSION * self.width
            return BottleneckBlock(conv, in_channels, out_channels, stride, inner=inner)

        stages = residual_stages(block, conv, WIDTHS, self.blocks)
        stem = nn.Sequential(convolution(3, STEM, kernel_size=3), norm_relu(STEM))
        network = Network(stem, stages, WIDTHS[1:], classes, neck=nn.Identity(), post_activation=True)
        initialise(network, he_fan_out)
        return network
