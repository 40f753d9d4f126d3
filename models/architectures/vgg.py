"""VGG-8 to VGG-19 for CIFAR, with BN and one linear layer (post-activation), as in RepDistiller.

Simonyan & Zisserman, "Very Deep Convolutional Networks", ICLR 2015. A 2x2 max pooling precedes blocks 1, 2 and 3, and
block 4 too where the images are 64x64. The maps are those after blocks 1 to 4, before pooling (16, 8, 4 and 4 pixels a
side for 32x32 images); block 0 is the stem. The conv replaces every convolution but the first; the bias before a BN
stays in operators that are one convolution. Other networks are called VGG-16 too: see vgg_5p.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import initialise_as_vgg
from cheapconv.models.parts.vgg_blocks import BLOCKS, Depth, vgg_blocks
from cheapconv.models.weights.released import Renames

LAYERS = range(4)  # at most, of a block
RELEASED = {  # what RepDistiller calls the layers of its VGG networks with BN
    **{f"block0.{3 * k}": f"stem.{k}.0" for k in LAYERS},
    **{f"block0.{3 * k + 1}": f"stem.{k}.1.0" for k in LAYERS},
    **{f"block{{n}}.{3 * k}": f"stage_modules.{{i}}.1.{k}.0" for k in LAYERS},
    **{f"block{{n}}.{3 * k + 1}": f"stage_modules.{{i}}.1.{k}.1.0" for k in LAYERS},
    "classifier": "classifier",
}


class PoolLargeMap(nn.Module):
    """2x2 max pooling of 8x8 maps, which are those of 64x64 images; other maps pass."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 2) if x.shape[2] == 8 else x


@register(
    "architecture",
    "vgg",
    paper="Simonyan & Zisserman, Very Deep Convolutional Networks, ICLR 2015, arXiv:1409.1556",
    notation={"VGG-{depth}": {}},
)
@dataclass(frozen=True, kw_only=True)
class VGG(Architecture):
    """CIFAR VGG with BN, three poolings and one linear layer; depth 8, 11, 13, 16 or 19."""

    depth: Depth

    @property
    def released(self) -> Renames:
        return RELEASED

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of blocks 1 to 4."""
        stem, *blocks = vgg_blocks(self.depth, conv)
        pools = [nn.MaxPool2d(2), nn.MaxPool2d(2), nn.MaxPool2d(2), PoolLargeMap()]
        stages = [nn.Sequential(pool, block) for pool, block in zip(pools, blocks, strict=True)]
        channels = [widths[-1] for widths in BLOCKS[self.depth][1:]]
        entrances = [1] * len(stages)  # the poolings
        network = Network(
            stem, stages, channels, classes, neck=nn.Identity(), post_activation=True, entrances=entrances
        )
        initialise_as_vgg(network)
        return network
