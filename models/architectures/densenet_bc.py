"""DenseNet-BC for CIFAR: dense blocks with 1x1 bottlenecks and transitions that halve the channels (pre-activation).

Huang et al., "Densely Connected Convolutional Networks", CVPR 2017. Layer: BN, ReLU, 1x1 to 4 times the growth, BN,
ReLU, 3x3 to the growth, concatenated. Stem 3x3 to twice the growth without BN. A depth of 6n + 4 has n layers in each
of three blocks. "DenseNet-40-12" and "DenseNet-100-12" of online distillation are these (176,122 and 769,162
parameters with 10 classes); the plain DenseNet-40-12, about six times as large, is densenet. The maps are the
concatenations at the ends of the blocks, before BN and ReLU. The conv replaces the 3x3 of each layer.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Width
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.densenet_blocks import ENTRANCES, NORMS, dense_stages
from cheapconv.models.parts.initialise import he_fan_in, initialise
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise
from cheapconv.models.parts.residual import Depth6n4, blocks_per_stage
from cheapconv.models.parts.single import convs_one_by_one, single_operator


@register(
    "architecture",
    "densenet_bc",
    paper="Huang et al., Densely Connected Convolutional Networks, CVPR 2017, arXiv:1608.06993",
    notation={"DenseNet-{depth}-{growth}": {}, "DenseNet-BC-{depth}-{growth}": {}},
)
@dataclass(frozen=True, kw_only=True)
class DenseNetBC(Architecture):
    """CIFAR DenseNet with bottlenecks and compression 0.5; depth = 6n + 4, `growth` maps a layer."""

    depth: Depth6n4
    growth: Width = 12

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the concatenations at the ends of the three dense blocks."""
        start, inner, layers = 2 * self.growth, 4 * self.growth, blocks_per_stage(self.depth)
        convs = convs_one_by_one(conv, 3 * layers)

        def path(in_channels: int) -> nn.Module:
            bottleneck = [norm_relu(in_channels), pointwise(in_channels, inner), norm_relu(inner)]
            return nn.Sequential(*bottleneck, single_operator(next(convs), inner, self.growth))

        stages, channels = dense_stages(path, start, self.growth, layers, compression=0.5)
        stem, neck = convolution(3, start, kernel_size=3), norm_relu(channels[-1])
        network = Network(stem, stages, channels, classes, neck, norms=NORMS, entrances=ENTRANCES)
        initialise(network, he_fan_in)
        return network
