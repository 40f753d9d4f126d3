"""Dense blocks of DenseNet: each layer adds its maps to those of all layers before it.

Huang et al., "Densely Connected Convolutional Networks", CVPR 2017, arXiv:1608.06993, section 3.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cheapconv.models.parts.layers import norm_relu, pointwise

Path = Callable[[int], nn.Module]  # channels that a layer sees -> module that gives `growth` more
ENTRANCES = [0, 1, 1]  # the transitions
NORMS = ["stage_modules.1.0.0.0", "stage_modules.2.0.0.0", "neck.0"]  # theirs, and the network's last


class DenseLayer(nn.Module):
    """(B, C, H, W) -> (B, C + growth, H, W): x, then path(x)."""

    def __init__(self, path: nn.Module) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.path(x)], dim=1)


def transition(in_channels: int, out_channels: int) -> nn.Sequential:
    """BN, ReLU, 1x1 convolution, 2x2 average pooling."""
    return nn.Sequential(norm_relu(in_channels), pointwise(in_channels, out_channels), nn.AvgPool2d(2))


def dense_stages(
    path: Path, channels: int, growth: int, layers: int, compression: float
) -> tuple[list[nn.Module], list[int]]:
    """Three dense blocks, of which the last two begin with a transition that halves the side; channels after each."""
    stages: list[nn.Module] = []
    widths: list[int] = []
    for i in range(3):
        before, channels = channels, channels if i == 0 else int(channels * compression)
        start = [] if i == 0 else [transition(before, channels)]
        stages.append(nn.Sequential(*start, *(DenseLayer(path(channels + j * growth)) for j in range(layers))))
        channels += layers * growth
        widths.append(channels)
    return stages, widths
