"""Ghost_s: a k x k convolution to a part of the channels, of which a depthwise convolution makes the others.

Han et al., "GhostNet: More Features from Cheap Operations", CVPR 2020, arXiv:1911.11907. m = ceil(co / s) intrinsic
maps; behind BN and ReLU a depthwise d x d makes s - 1 ghosts of each; intrinsic maps and ghosts are concatenated and
cut to co. Deviation: the operator's output has no norm or ReLU of its own, because the architecture's follow, and none
belongs behind the last operator of a residual branch.

Params 9 * ci * m + 2 * m + d^2 * m * (s - 1); MACs (9 * ci * m + d^2 * m * (s - 1)) * Ho^2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import Odd, Ratio
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, norm_relu


@register(
    "conv",
    "ghost",
    paper="Han et al., GhostNet: More Features from Cheap Operations, CVPR 2020, arXiv:1911.11907",
    notation={"Ghost_{ratio}": {"ghost_kernel": 3}},
)
@dataclass(frozen=True, kw_only=True)
class Ghost(Conv):
    """k x k to 1/ratio of the channels, the others by a depthwise convolution of side `ghost_kernel`."""

    ratio: Ratio = 2
    ghost_kernel: Odd = 3

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        intrinsic = self._intrinsic(out_channels)
        primary = convolution(in_channels, intrinsic, kernel_size, stride, dilation)
        ghosts = convolution(intrinsic, intrinsic * (self.ratio - 1), self.ghost_kernel, groups=intrinsic)
        return GhostModule(primary, nn.Sequential(norm_relu(intrinsic), ghosts), out_channels)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return self._weights(in_channels, out_channels, kernel_size) + 2 * self._intrinsic(out_channels)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        return self._weights(in_channels, out_channels, kernel_size) * positions(height, stride)

    def _intrinsic(self, out_channels: int) -> int:
        if out_channels < self.ratio:
            raise ValueError(f"{canonical(self)} needs at least {self.ratio} output channels, got {out_channels}")
        return -(-out_channels // self.ratio)

    def _weights(self, in_channels: int, out_channels: int, kernel_size: int) -> int:
        per_intrinsic = kernel_size**2 * in_channels + self.ghost_kernel**2 * (self.ratio - 1)
        return per_intrinsic * self._intrinsic(out_channels)


class GhostModule(nn.Module):
    """concat(p, ghosts(p)) with p = primary(x), cut to `channels`."""

    def __init__(self, primary: nn.Module, ghosts: nn.Module, channels: int) -> None:
        super().__init__()
        self.primary, self.ghosts, self.channels = primary, ghosts, channels

    def forward(self, x: Tensor) -> Tensor:
        p = self.primary(x)  # (B, m, Ho, Wo)
        both = torch.cat([p, self.ghosts(p)], dim=1)
        return both if both.shape[1] == self.channels else both[:, : self.channels]  # a slice loses channels last
