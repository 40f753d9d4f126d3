"""ShuffleNetV1 for CIFAR, a student of the distillation literature (post-activation).

Zhang et al., "ShuffleNet", CVPR 2018, arXiv:1707.01083, in RepDistiller's form: 3 groups, stages of 240, 480 and 960
channels with 4, 8 and 4 blocks, a 1x1 stem of 24 channels without pooling, and a ReLU after the depthwise convolution,
which the paper does not have; 949,258 parameters with 100 classes. Every stage halves the side in its first block. The
maps follow the last ReLU of each stage. The conv replaces 1x1 convolutions that are not grouped yet, of which there is
one.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise
from cheapconv.models.parts.pre_activation import EndsInReLU
from cheapconv.models.weights.released import Renames

GROUPS = 3
WIDTHS = [24, 240, 480, 960]
BLOCKS = [4, 8, 4]
RELEASED = {  # what RepDistiller's ShuffleV1 calls them
    "conv1": "stem.0",
    "bn1": "stem.1.0",
    "layer{n}.{b}.conv1": "stage_modules.{i}.{b}.path.0",
    "layer{n}.{b}.bn1": "stage_modules.{i}.{b}.path.1.0",
    "layer{n}.{b}.conv2": "stage_modules.{i}.{b}.path.3",
    "layer{n}.{b}.bn2": "stage_modules.{i}.{b}.path.4.0",
    "layer{n}.{b}.conv3": "stage_modules.{i}.{b}.path.5",
    "layer{n}.{b}.bn3": "stage_modules.{i}.{b}.path.6",
    "linear": "classifier",
}


class ShuffleBlock(EndsInReLU):
    """y = ReLU(path(x) + x), or ReLU of path(x) and the average-pooled x side by side where the side is halved."""

    def __init__(self, in_channels: int, out_channels: int, halve: bool) -> None:
        super().__init__()
        out = out_channels - in_channels if halve else out_channels
        inner = out // 4
        first_groups = 1 if in_channels == WIDTHS[0] else GROUPS
        self.path = nn.Sequential(
            convolution(in_channels, inner, kernel_size=1, groups=first_groups),
            norm_relu(inner),
            nn.ChannelShuffle(first_groups),
            convolution(inner, inner, kernel_size=3, stride=2 if halve else 1, groups=inner),
            norm_relu(inner),
            convolution(inner, out, kernel_size=1, groups=GROUPS),
            nn.BatchNorm2d(out),
        )
        self.pool = nn.AvgPool2d(3, stride=2, padding=1) if halve else None

    def before_relu(self, x: Tensor) -> Tensor:
        if self.pool is None:
            return self.path(x) + x
        return torch.cat([self.path(x), self.pool(x)], dim=1)


@register(
    "architecture",
    "shufflenet_v1",
    paper="Zhang et al., ShuffleNet, CVPR 2018, arXiv:1707.01083",
    notation={"ShuffleNetV1": {}},
)
@dataclass(frozen=True, kw_only=True)
class ShuffleNetV1(Architecture):
    """ShuffleNetV1 with 3 groups for CIFAR; its ungrouped 1x1 convolutions are what a conv can replace."""

    @property
    def released(self) -> Renames:
        return RELEASED

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of each stage; PyTorch's default initialisation."""
        self.require_pointwise(conv)
        stem = nn.Sequential(pointwise(3, WIDTHS[0]), norm_relu(WIDTHS[0]))
        stages = []
        for (before, width), length in zip(pairwise(WIDTHS), BLOCKS, strict=True):
            rest = [ShuffleBlock(width, width, halve=False) for _ in range(length - 1)]
            stages.append(nn.Sequential(ShuffleBlock(before, width, halve=True), *rest))
        network = Network(stem, stages, WIDTHS[1:], classes, neck=nn.Identity(), post_activation=True)
        self.replace_pointwise(network, conv, stem={"stem.0"}, rule=None)
        return network
