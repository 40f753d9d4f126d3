"""ShuffleNetV2 of width 1 for CIFAR, a student of the distillation literature (post-activation).

Ma et al., "ShuffleNet V2", ECCV 2018, arXiv:1807.11164, in RepDistiller's form: a 1x1 stem of 24 channels without
pooling, stages of 116, 232 and 464 channels with 4, 8 and 4 blocks, 1024 features; 1,355,528 parameters with 100
classes. Every stage halves the side in its first block. The maps follow the concatenation and shuffle that end each
stage, of values that have all passed a ReLU. The conv replaces the 1x1 convolutions.
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

WIDTHS = [24, 116, 232, 464]
BLOCKS = [4, 8, 4]
FEATURES = 1024
RELEASED = {  # what RepDistiller's ShuffleV2 calls them; the first block of a stage halves the side
    "conv1": "stem.0",
    "bn1": "stem.1.0",
    "layer{n}.0.conv1": "stage_modules.{i}.0.left.0.0",
    "layer{n}.0.bn1": "stage_modules.{i}.0.left.0.1",
    "layer{n}.0.conv2": "stage_modules.{i}.0.left.1",
    "layer{n}.0.bn2": "stage_modules.{i}.0.left.2",
    "layer{n}.0.conv3": "stage_modules.{i}.0.right.0",
    "layer{n}.0.bn3": "stage_modules.{i}.0.right.1.0",
    "layer{n}.0.conv4": "stage_modules.{i}.0.right.2.0",
    "layer{n}.0.bn4": "stage_modules.{i}.0.right.2.1",
    "layer{n}.0.conv5": "stage_modules.{i}.0.right.3",
    "layer{n}.0.bn5": "stage_modules.{i}.0.right.4",
    "layer{n}.{b}.conv1": "stage_modules.{i}.{b}.right.0",
    "layer{n}.{b}.bn1": "stage_modules.{i}.{b}.right.1.0",
    "layer{n}.{b}.conv2": "stage_modules.{i}.{b}.right.2.0",
    "layer{n}.{b}.bn2": "stage_modules.{i}.{b}.right.2.1",
    "layer{n}.{b}.conv3": "stage_modules.{i}.{b}.right.3",
    "layer{n}.{b}.bn3": "stage_modules.{i}.{b}.right.4",
    "conv2": "neck.0",
    "bn2": "neck.1.0",
    "linear": "classifier",
}


def spatial(channels: int, stride: int) -> nn.Sequential:
    """Depthwise 3x3 and BN."""
    return nn.Sequential(convolution(channels, channels, 3, stride, groups=channels), nn.BatchNorm2d(channels))


def right_path(in_channels: int, half: int, stride: int) -> nn.Sequential:
    """1x1, BN, ReLU, depthwise 3x3, BN, 1x1, BN."""
    start = [pointwise(in_channels, half), norm_relu(half), spatial(half, stride)]
    return nn.Sequential(*start, pointwise(half, half), nn.BatchNorm2d(half))


class BasicBlock(EndsInReLU):
    """One half of the channels passes, the other goes through the path; then both are shuffled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.right = right_path(channels // 2, channels // 2, stride=1)
        self.shuffle = nn.ChannelShuffle(2)

    def before_relu(self, x: Tensor) -> Tensor:
        passed, changed = x.chunk(2, dim=1)
        return self.shuffle(torch.cat([passed, self.right(changed)], dim=1))


class DownBlock(EndsInReLU):
    """Both halves of the output come from paths of stride 2 over all channels; then they are shuffled."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.left = nn.Sequential(spatial(in_channels, 2), pointwise(in_channels, half), nn.BatchNorm2d(half))
        self.right = right_path(in_channels, half, stride=2)
        self.shuffle = nn.ChannelShuffle(2)

    def before_relu(self, x: Tensor) -> Tensor:
        return self.shuffle(torch.cat([self.left(x), self.right(x)], dim=1))


@register(
    "architecture",
    "shufflenet_v2",
    paper="Ma et al., ShuffleNet V2, ECCV 2018, arXiv:1807.11164",
    notation={"ShuffleNetV2": {}},
)
@dataclass(frozen=True, kw_only=True)
class ShuffleNetV2(Architecture):
    """ShuffleNetV2 of width 1 for CIFAR; its 1x1 convolutions are what a conv can replace."""

    @property
    def released(self) -> Renames:
        return RELEASED

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the shuffled ends of the stages; PyTorch's default initialisation."""
        self.require_pointwise(conv)
        stem = nn.Sequential(pointwise(3, WIDTHS[0]), norm_relu(WIDTHS[0]))
        stages = []
        for (before, width), length in zip(pairwise(WIDTHS), BLOCKS, strict=True):
            rest = [BasicBlock(width) for _ in range(length - 1)]
            stages.append(nn.Sequential(DownBlock(before, width), *rest))
        neck = nn.Sequential(pointwise(WIDTHS[-1], FEATURES), norm_relu(FEATURES))
        network = Network(stem, stages, WIDTHS[1:], classes, neck, features=FEATURES, post_activation=True)
        self.replace_pointwise(network, conv, stem={"stem.0"}, rule=None)
        return network
