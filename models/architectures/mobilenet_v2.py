"""MobileNetV2 of width 1 for ImageNet; its maps are linear (neither pre- nor post-activation).

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, Table 2; ReLU6, and dropout of 0.2
before the classifier as in torchvision; 3,504,872 parameters and 300,774,272 MACs for 1000 classes. The maps follow
rows 2, 3, 5 and 7 of the table, at 1/4, 1/8, 1/16 and 1/32 of the side. The conv replaces the 1x1
convolutions.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import initialise_as_vgg
from cheapconv.models.parts.inverted_residual import STAGES, TAPS, table_stages, unit
from cheapconv.models.parts.layers import convolution, pointwise

STEM, FEATURES, DROPOUT = 32, 1280, 0.2


class NetworkWithDropout(Network):
    """Network that drops a fifth of the pooled vector in training."""

    def classify(self, e: Tensor) -> Tensor:
        return super().classify(functional.dropout(e, DROPOUT, self.training))


@register(
    "architecture",
    "mobilenet_v2",
    paper="Sandler et al., MobileNetV2, CVPR 2018, arXiv:1801.04381",
    notation={"MobileNetV2": {}},
)
@dataclass(frozen=True, kw_only=True)
class MobileNetV2(Architecture):
    """MobileNetV2 of width 1 for ImageNet; its 1x1 convolutions are what a conv can replace."""

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the linear outputs of rows 2, 3, 5 and 7 of the paper's table."""
        self.require_pointwise(conv)
        widths, strides = [row[1] for row in STAGES], [row[3] for row in STAGES]
        rows = table_stages(STEM, widths, strides, expand_first=False, activation=nn.ReLU6)
        stem = nn.Sequential(unit(convolution(3, STEM, kernel_size=3, stride=2), nn.ReLU6), rows[0])
        stages = [nn.Sequential(*rows[tap]) for tap in TAPS]
        channels = [widths[tap][-1] for tap in TAPS]
        neck = unit(pointwise(channels[-1], FEATURES), nn.ReLU6)
        network = NetworkWithDropout(stem, stages, channels, classes, neck, features=FEATURES)
        initialise_as_vgg(network)
        self.replace_pointwise(network, conv, stem={"stem.0.0"})
        return network
