"""ERFNet, a network for semantic segmentation of residual blocks with factorised convolutions.

Romera et al., "ERFNet: Efficient Residual Factorized ConvNet for Real-time Semantic Segmentation", IEEE T-ITS 2018, in
the released form (Eromera/erfnet_pytorch, train/erfnet.py): every convolution has a bias, every BN an eps of 1e-3, the
weights are drawn by PyTorch's defaults. The maps are those after layers 7, 12, 16 (the encoder), 19 and 22 of the
paper's Table I, where Moonshine (Crowley et al., NeurIPS 2018, section 5.2) transfers attention. The encoder's own 1x1
classifier belongs to the parameters, as in the papers' counts, whether a training uses it or not.

A conv other than the standard one replaces each non-bottleneck-1D block by a residual path of its operators, as
Moonshine's ERFNet with G(N) does: two operators, BN after each, ReLU between, the dilation in the second. The
dropout of the block is kept before the addition; what Moonshine did with it is not published. Down- and up-samplers
and the output layer are never replaced.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from cheapconv.catalog import register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.parts.layers import norm_relu
from cheapconv.models.parts.pre_activation import EndsInReLU
from cheapconv.models.pixelwise import PixelwiseNetwork

EPS = 1e-3
DILATIONS = (2, 4, 8, 16)  # of the encoder's last blocks, twice over
BLOCKS = 5 + 2 * len(DILATIONS) + 2 + 2


class Residual(EndsInReLU):
    """y = ReLU(x + Dropout2d(path(x)))."""

    def __init__(self, path: nn.Module, dropout: float) -> None:
        super().__init__()
        self.path = path
        self.dropout = nn.Dropout2d(dropout)

    def before_relu(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.path(x))


class DownSampler(nn.Module):
    """(B, ci, H, W) -> (B, co, H / 2, W / 2): a strided convolution beside a pooling, BN, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels - in_channels, 3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.norm(torch.cat([self.conv(x), self.pool(x)], dim=1)))


def factorised(channels: int, dilation: int) -> nn.Sequential:
    """The path of the non-bottleneck-1D block: 3x1, 1x3, and both once more with dilation; the last ends in BN."""
    layers: list[nn.Module] = []
    for d in (1, dilation):
        layers += [nn.Conv2d(channels, channels, (3, 1), padding=(d, 0), dilation=(d, 1)), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(channels, channels, (1, 3), padding=(0, d), dilation=(1, d)), *norm_relu(channels)]
    return nn.Sequential(*layers[:-1])


def replaced(conv: Conv, channels: int, dilation: int) -> nn.Sequential:
    """The path of a block that is made of the operators of a conv; the last has the dilation, and ends in BN."""
    if conv.operators_per_block == 1:
        return nn.Sequential(conv.operator(channels, channels, dilation=dilation), nn.BatchNorm2d(channels))
    inner = conv.inner_channels(channels)
    first, second = conv.operator(channels, inner), conv.operator(inner, channels, dilation=dilation)
    return nn.Sequential(first, norm_relu(inner), second, nn.BatchNorm2d(channels))


def up_sampler(in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, ci, H, W) -> (B, co, 2 H, 2 W): a transposed convolution, BN, ReLU."""
    wider = nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(wider, *norm_relu(out_channels))


@register(
    "architecture",
    "erfnet",
    paper="Romera et al., ERFNet, IEEE Transactions on Intelligent Transportation Systems, 2018",
    notation={"ERFNet": {}},
)
@dataclass(frozen=True, kw_only=True)
class ERFNet(Architecture):
    """Encoder and decoder for segmentation, of 17 residual blocks; sides of images are multiples of 8."""

    def build(self, conv: Conv, classes: int) -> PixelwiseNetwork:
        """Network whose maps are the ends of its five groups of blocks, of 64, 128, 128, 64 and 16 channels."""
        convs = iter([conv.at_block(index, BLOCKS) for index in range(BLOCKS)])

        def block(channels: int, dropout: float, dilation: int) -> Residual:
            own = next(convs)
            path = factorised(channels, dilation) if own.is_standard else replaced(own, channels, dilation)
            return Residual(path, dropout)

        dilated: Callable[[], list[nn.Module]] = lambda: [block(128, 0.3, d) for d in DILATIONS]  # noqa: E731
        parts = [
            [DownSampler(3, 16), DownSampler(16, 64), *(block(64, 0.03, 1) for _ in range(5))],
            [DownSampler(64, 128), *dilated()],
            dilated(),
            [up_sampler(128, 64), *(block(64, 0.0, 1) for _ in range(2))],
            [up_sampler(64, 16), *(block(16, 0.0, 1) for _ in range(2))],
        ]
        network = PixelwiseNetwork(
            [nn.Sequential(*part) for part in parts],
            [64, 128, 128, 64, 16],
            classes,
            head=nn.ConvTranspose2d(16, classes, 2, stride=2),
            encoder=3,
            post_activation=True,
            entrances=[0, 1, 0, 1, 1],
        )
        for norm in network.modules():
            if isinstance(norm, nn.BatchNorm2d):
                norm.eps = EPS  # also inside of the operators
        return network
