"""The inverted residual block of MobileNetV2 and its table of stages.

Sandler et al., "MobileNetV2", CVPR 2018, arXiv:1801.04381, Tables 1 and 2.
"""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from cheapconv.models.parts.layers import convolution, pointwise

Activation = Callable[[], nn.Module]

# expansion, output channels at width 1, blocks, stride of the first block
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
TAPS = [slice(1, 2), slice(2, 3), slice(3, 5), slice(5, 7)]  # rows of the table between two maps; row 0 is in the stem


class InvertedResidual(nn.Module):
    """1x1 up to `expanded` channels, depthwise 3x3 with the stride, 1x1 down; added to x where the shape allows.

    No activation follows the last 1x1. Without `expand` the first 1x1 is left out.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, expansion: int, expand: bool, activation: Activation
    ) -> None:
        super().__init__()
        expanded = expansion * in_channels
        up = unit(pointwise(in_channels, expanded), activation) if expand else nn.Sequential()
        self.path = nn.Sequential(
            up,
            unit(convolution(expanded, expanded, kernel_size=3, stride=stride, groups=expanded), activation),
            pointwise(expanded, out_channels),
            nn.BatchNorm2d(out_channels),
        )
        self.added = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        return x + self.path(x) if self.added else self.path(x)


def unit(conv: nn.Conv2d, activation: Activation) -> nn.Sequential:
    """Convolution, BN, activation."""
    return nn.Sequential(conv, nn.BatchNorm2d(conv.out_channels), activation())


def table_stages(
    in_channels: int, widths: Sequence[int], strides: Sequence[int], expand_first: bool, activation: Activation
) -> list[nn.Sequential]:
    """One nn.Sequential of blocks for each row of `STAGES`, with the given output channels and first strides."""
    rows = []
    for (expansion, _, length, _), width, stride in zip(STAGES, widths, strides, strict=True):
        blocks = []
        for i in range(length):
            expand = expansion > 1 or expand_first
            blocks.append(InvertedResidual(in_channels, width, stride if i == 0 else 1, expansion, expand, activation))
            in_channels = width
        rows.append(nn.Sequential(*blocks))
    return rows
