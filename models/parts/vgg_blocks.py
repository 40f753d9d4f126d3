"""The five convolution blocks of VGG for CIFAR, with BN.

Simonyan & Zisserman, "Very Deep Convolutional Networks", ICLR 2015, arXiv:1409.1556, Table 1. Every layer is a 3x3
convolution with bias, BN and ReLU; all but the first are replaced by the conv.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from torch import nn

from cheapconv.models.conv import Conv
from cheapconv.models.parts.layers import norm_relu
from cheapconv.models.parts.single import convs_one_by_one, operator_norm_relu

BLOCKS = {
    8: [[64], [128], [256], [512], [512]],
    11: [[64], [128], [256] * 2, [512] * 2, [512] * 2],
    13: [[64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2],
    16: [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3],
    19: [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4],
}
Depth = Literal[8, 11, 13, 16, 19]  # the keys of BLOCKS


def vgg_blocks(depth: int, conv: Conv) -> list[nn.Sequential]:
    """The blocks 0 to 4, without pooling."""
    widths = BLOCKS[depth]
    first = nn.Sequential(nn.Conv2d(3, widths[0][0], 3, padding=1), norm_relu(widths[0][0]))
    convs = convs_one_by_one(conv, sum(map(len, widths)) - 1)
    blocks = [nn.Sequential(first, *layers(convs, widths[0]))]
    for before, after in pairwise(widths):
        blocks.append(nn.Sequential(*layers(convs, [before[-1], *after])))
    return blocks


def layers(convs: Iterator[Conv], widths: list[int]) -> list[nn.Module]:
    """Layers between the given widths, each of the next conv."""
    return [operator_norm_relu(next(convs), before, after) for before, after in pairwise(widths)]
