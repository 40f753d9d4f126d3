"""MobileNetV2-half for CIFAR, a student of the distillation literature; its maps are linear.

Sandler et al., "MobileNetV2", CVPR 2018, in RepDistiller's form: width 0.5 (but 1280 features), stride 1 in row 2 of
the table, ReLU in place of ReLU6, a 1x1 expansion in row 1 too, no dropout; 812,836 parameters with 100 classes. The
maps follow rows 2, 3, 5 and 7 of the table (16, 8, 4 and 2 pixels a side for 32x32 images). The conv replaces the
1x1 convolutions.
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import initialise_as_vgg
from cheapconv.models.parts.inverted_residual import STAGES, TAPS, table_stages, unit
from cheapconv.models.parts.layers import convolution, pointwise
from cheapconv.models.weights.released import Renames

STEM, FEATURES = 16, 1280
STRIDES = [1, 1, 2, 2, 1, 2, 1]
ROWS = {0: "stem.1"} | {  # of the table, by where they stand here
    row: f"stage_modules.{i}.{position}"
    for i, tap in enumerate(TAPS)
    for position, row in enumerate(range(len(STAGES))[tap])
}
BLOCK = {0: "path.0.0", 1: "path.0.1", 3: "path.1.0", 4: "path.1.1", 6: "path.2", 7: "path.3"}
RELEASED = {  # what RepDistiller's MobileNetV2 (mobile_half) calls them
    **{f"conv1.{k}": f"stem.0.{k}" for k in range(2)},
    **{f"blocks.{row}.{{b}}.conv.{k}": f"{at}.{{b}}.{ours}" for row, at in ROWS.items() for k, ours in BLOCK.items()},
    **{f"conv2.{k}": f"neck.{k}" for k in range(2)},
    "classifier.0": "classifier",
}


@register(
    "architecture",
    "mobilenet_v2_half",
    paper="Sandler et al., MobileNetV2, CVPR 2018, arXiv:1801.04381",
    notation={"MobileNetV2-half": {}},
)
@dataclass(frozen=True, kw_only=True)
class MobileNetV2Half(Architecture):
    """MobileNetV2 of width 0.5 for CIFAR; its 1x1 convolutions are what a conv can replace."""

    @property
    def released(self) -> Renames:
        return RELEASED

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the linear outputs of rows 2, 3, 5 and 7 of the paper's table."""
        self.require_pointwise(conv)
        widths = [row[1] // 2 for row in STAGES]
        rows = table_stages(STEM, widths, STRIDES, expand_first=True, activation=nn.ReLU)
        stem = nn.Sequential(unit(convolution(3, STEM, kernel_size=3, stride=2), nn.ReLU), rows[0])
        stages = [nn.Sequential(*rows[tap]) for tap in TAPS]
        channels = [widths[tap][-1] for tap in TAPS]
        neck = unit(pointwise(channels[-1], FEATURES), nn.ReLU)
        network = Network(stem, stages, channels, classes, neck, features=FEATURES)
        initialise_as_vgg(network)
        self.replace_pointwise(network, conv, stem={"stem.0.0"})
        return network
