"""ResNet-8 of MLPerf Tiny, the CIFAR-10 network that microcontrollers are compared by: one block a stage, with biases.

Banbury et al., "MLPerf Tiny Benchmark", NeurIPS 2021 Datasets and Benchmarks, arXiv:2106.07597; the reference model is
`resnet_v1_eembc` of github.com/mlcommons/tiny with 16 filters. Unlike ResNet-8 of the distillation literature every
convolution has a bias, also before a BN, which makes it redundant, and a shortcut that changes shape has no BN. With
standard convolutions and 10 classes there are 78,666 parameters, 480 BN statistics among them, and 12,501,632 MACs.
An operator of a conv that is no single convolution has no bias.

Deviations: a convolution of stride 2 pads both sides of a map by 1, where Keras pads the far side alone, at equal cost;
BN has PyTorch's eps of 1e-5 and momentum of 0.1, where Keras has 1e-3 and the equal of 0.01; weights are drawn from a
normal distribution that is not cut off.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.architectures.resnet import WIDTHS, PostActivationBlock
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import initialise_as_keras
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise
from cheapconv.models.parts.residual import residual_stages
from cheapconv.models.parts.single import biased


class BiasedBlock(PostActivationBlock):
    """y = ReLU(BN(path(x)) + shortcut(x)), with biases; the shortcut is x, or a 1x1 convolution where shape changes."""

    def __init__(self, conv: Conv, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(conv, in_channels, out_channels, stride)
        self.path = nn.Sequential(*map(biased, self.path))
        if not isinstance(self.shortcut, nn.Identity):
            self.shortcut = biased(pointwise(in_channels, out_channels, stride))


@register(
    "architecture",
    "resnet_tiny",
    paper="Banbury et al., MLPerf Tiny Benchmark, NeurIPS 2021 Datasets and Benchmarks, arXiv:2106.07597",
    notation={"ResNet-8 (MLPerf Tiny)": {}},
)
@dataclass(frozen=True, kw_only=True)
class ResNetTiny(Architecture):
    """MLPerf Tiny's ResNet-8 for CIFAR-10: biased convolutions, shortcuts without BN; widths 16, 32, 64."""

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps follow the last ReLU of each stage."""
        stages = residual_stages(BiasedBlock, conv, WIDTHS, 1)
        stem = nn.Sequential(biased(convolution(3, WIDTHS[0], kernel_size=3)), norm_relu(WIDTHS[0]))
        network = Network(stem, stages, WIDTHS[1:], classes, neck=nn.Identity(), post_activation=True)
        initialise_as_keras(network)
        return network
