"""CIFAR Wide ResNet, WRN-d-k: pre-activation residual blocks of widths 16k, 32k, 64k after a stem of 16.

Zagoruyko & Komodakis, "Wide Residual Networks", BMVC 2016, arXiv:1605.07146, in the form of Moonshine (Crowley et al.,
NeurIPS 2018, section 4.1), without dropout. The stem, the 1x1 shortcuts and the classifier are never replaced.
With n = (d - 4) / 6 blocks per stage the parameters are

    432 + sum(blocks) + sum(ci * co over shortcuts) + 2 * 64k + 64k * classes + classes.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Width
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network
from cheapconv.models.parts.initialise import he_fan_out, initialise
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise
from cheapconv.models.parts.residual import Depth6n4, blocks_per_stage, residual_path, residual_stages
from cheapconv.models.weights.released import Renames

RELEASED = {  # what RepDistiller calls them, in its wrn_16_1 to wrn_40_2
    "conv1": "stem",
    "block{n}.layer.{b}.bn1": "stage_modules.{i}.{b}.norm.0",
    "block{n}.layer.{b}.conv1": "stage_modules.{i}.{b}.path.0",
    "block{n}.layer.{b}.bn2": "stage_modules.{i}.{b}.path.1.0",
    "block{n}.layer.{b}.conv2": "stage_modules.{i}.{b}.path.2",
    "block{n}.layer.{b}.convShortcut": "stage_modules.{i}.{b}.shortcut",
    "bn1": "neck.0",
    "fc": "classifier",
}


class PreActivationBlock(nn.Module):
    """y = path(o) + shortcut, o = ReLU(BN(x)); the shortcut is x, or a 1x1 convolution of o where the width changes."""

    def __init__(self, conv: Conv, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.norm = norm_relu(in_channels)
        self.path = residual_path(conv, in_channels, out_channels, stride)
        same = in_channels == out_channels
        self.shortcut = None if same else pointwise(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        o = self.norm(x)
        return self.path(o) + (x if self.shortcut is None else self.shortcut(o))


@register(
    "architecture",
    "wrn",
    paper="Zagoruyko & Komodakis, Wide Residual Networks, BMVC 2016, arXiv:1605.07146",
    notation={"WRN-{depth}-{width}": {}},
)
@dataclass(frozen=True, kw_only=True)
class WideResNet(Architecture):
    """CIFAR Wide ResNet with pre-activation blocks; depth = 6n + 4, widths 16, 32, 64 times `width`."""

    depth: Depth6n4
    width: Width

    @property
    def released(self) -> Renames:
        return RELEASED

    def build(self, conv: Conv, classes: int) -> Network:
        """Network whose maps are the residual sums at the ends of the three stages."""
        widths = [16, 16 * self.width, 32 * self.width, 64 * self.width]
        stages = residual_stages(PreActivationBlock, conv, widths, blocks_per_stage(self.depth))
        stem, neck = convolution(3, 16, kernel_size=3), norm_relu(widths[-1])
        norms = ["stage_modules.1.0.norm.0", "stage_modules.2.0.norm.0", "neck.0"]
        network = Network(stem, stages, widths[1:], classes, neck, norms=norms)
        initialise(network, he_fan_out)
        nn.init.zeros_(network.classifier.bias)
        return network
