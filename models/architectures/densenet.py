"""Plain DenseNet for CIFAR: dense blocks of 3x3 convolutions, no bottleneck, no compression (pre-activation).

Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, in the form that network slimming prunes (Liu et
al., ICCV 2017): layer BN, ReLU, 3x3 to the growth, concatenated; stem 3x3 to twice the growth without BN. A depth of
3n + 4 has n layers in each of three blocks. The paper's own stem has 16 channels. The smaller network with bottlenecks
that online distillation calls DenseNet-40-12 is densenet_bc. The maps are the concatenations at the ends of the
blocks, before BN and ReLU. The conv replaces the 3x3 of each layer.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Le
from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Progression, Width
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.densenet_blocks import ENTRANCES, NORMS, dense_stages
from cheapconv.models.parts.initialise import he_fan_in, initialise
from cheapconv.models.parts.layers import convolution, norm_relu
from cheapconv.models.parts.single import convs_one_by_one, single_operator

Depth3n4 = Annotated[int, Progression(3, first=7), Le(2000)]


@register(
    "architecture",
    "densenet",
    paper="Huang et al., Densely Connected Convolutional Networks, CVPR 2017, arXiv:1608.06993",
    notation={"DenseNet-{depth}-{growth}-plain": {}},
)
@dataclass(frozen=True, kw_only=True)
class DenseNet(Architecture):
    """CIFAR DenseNet without bottlenecks or compression; depth = 3n + 4, `growth` maps a layer."""

    depth: Depth3n4
    growth: Width = 12

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the concatenations at the ends of the three dense blocks."""
        start, layers = 2 * self.growth, (self.depth - 4) // 3
        convs = convs_one_by_one(conv, 3 * layers)

        def path(in_channels: int) -> nn.Module:
            return nn.Sequential(norm_relu(in_channels), single_operator(next(convs), in_channels, self.growth))

        stages, channels = dense_stages(path, start, self.growth, layers, compression=1.0)
        stem, neck = convolution(3, start, kernel_size=3), norm_relu(channels[-1])
        network = Network(stem, stages, channels, classes, neck, norms=NORMS, entrances=ENTRANCES)
        initialise(network, he_fan_in)
        return network
