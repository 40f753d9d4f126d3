"""VGG-16-5P and VGG-16-3FC: VGG for CIFAR with a max pooling after each of its five blocks (post-activation).

The VGG of online distillation. VGG-16-5P ends in one linear layer (MCL-OKD: 14,774,436 parameters with 100 classes),
VGG-16-3FC in three (OKDDip: 15,299,748), the hidden ones of 512. Both differ from VGG-16 (vgg), which pools three
times. The maps are those after blocks 1 to 4, before pooling; block 0 is the stem. The conv replaces every convolution
but the first. Deviation: poolings round up, so that images smaller than 32x32 are possible; the dropout of OKDDip's
code, of probability 0, is left out.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le
from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import initialise_as_vgg
from cheapconv.models.parts.layers import ceil_pooling
from cheapconv.models.parts.vgg_blocks import BLOCKS, Depth, vgg_blocks


@register(
    "architecture",
    "vgg_5p",
    paper="Chen et al., Online Knowledge Distillation with Diverse Peers, AAAI 2020, arXiv:1912.00350",
    notation={"VGG-{depth}-5P": {"hidden": 0}, "VGG-{depth}-3FC": {"hidden": 2}},
)
@dataclass(frozen=True, kw_only=True)
class VGG5P(Architecture):
    """CIFAR VGG with BN, five poolings and `hidden` linear layers before the last; depth 8, 11, 13, 16 or 19."""

    depth: Depth = 16
    hidden: Annotated[int, Ge(0), Le(65536)] = 0

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of blocks 1 to 4."""
        stem, *blocks = vgg_blocks(self.depth, conv)
        stages = [nn.Sequential(ceil_pooling(), block) for block in blocks]
        channels = [widths[-1] for widths in BLOCKS[self.depth][1:]]
        entrances = [1] * len(stages)  # the poolings
        network = Network(stem, stages, channels, classes, ceil_pooling(), post_activation=True, entrances=entrances)
        width = network.features
        network.hidden = nn.Sequential(*(nn.Sequential(nn.Linear(width, width), nn.ReLU()) for _ in range(self.hidden)))
        initialise_as_vgg(network)
        return network
