"""AlexNet-C: AlexNet for CIFAR, five convolutions with bias, without BN (post-activation).

Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", NeurIPS 2012, in the CIFAR form
of the pytorch-classification code base: 11x11 3->64 of stride 4, 5x5 64->192, 3x3 192->384, 3x3 384->256, 3x3
256->256, ReLU after each, 2x2 max pooling after the first, second and fifth, one linear layer; 2,472,266 parameters
with 10 classes. The stem is the first convolution, and each further one is a stage whose map follows its ReLU, before
pooling. The conv replaces all but the first; its operators keep the bias. Deviation: poolings round up, so that images
smaller than 32x32 are possible.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.layers import ceil_pooling
from cheapconv.models.parts.single import convs_one_by_one, operator_bias_relu

CHANNELS = [192, 384, 256, 256]


@register(
    "architecture",
    "alexnet_c",
    paper="Krizhevsky et al., ImageNet Classification with Deep CNNs, NeurIPS 2012",
    notation={"AlexNet-C": {}},
)
@dataclass(frozen=True, kw_only=True)
class AlexNetC(Architecture):
    """AlexNet for CIFAR: five convolutions without BN, one linear layer."""

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the ReLU of convolutions 2 to 5; PyTorch's default initialisation."""
        stem = nn.Sequential(nn.Conv2d(3, 64, 11, stride=4, padding=5), nn.ReLU(inplace=True))
        convs = convs_one_by_one(conv, len(CHANNELS))
        stages = [
            nn.Sequential(ceil_pooling(), operator_bias_relu(next(convs), 64, 192, kernel_size=5)),
            nn.Sequential(ceil_pooling(), operator_bias_relu(next(convs), 192, 384, kernel_size=3)),
            operator_bias_relu(next(convs), 384, 256, kernel_size=3),
            operator_bias_relu(next(convs), 256, 256, kernel_size=3),
        ]
        entrances = [1, 1, 0, 0]  # the poolings
        return Network(stem, stages, CHANNELS, classes, neck=ceil_pooling(), post_activation=True, entrances=entrances)
