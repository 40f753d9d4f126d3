"""Fire(q): 1x1 to co / q channels, BN, ReLU, then half of the outputs by 1x1 and half by k x k.

Iandola et al., "SqueezeNet", 2016, arXiv:1602.07360: the squeeze and expand layers of its Fire module. SqueezeNet's
squeeze ratio 0.125 is q = 8. BN comes before the inner ReLU, as everywhere in these networks. The expand layer carries
the stride.

Params ci * S + 2 * S + S * (co // 2) + 9 * S * (co - co // 2) with S = co // q; MACs ci * S * H^2 + (the rest without
2 * S) * Ho^2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import Ratio
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise


@register(
    "conv",
    "fire",
    paper="Iandola et al., SqueezeNet, arXiv:1602.07360",
    notation={"Fire({squeeze})": {}},
)
@dataclass(frozen=True, kw_only=True)
class Fire(Conv):
    """Squeeze to 1/squeeze of the outputs by 1x1, expand by 1x1 and k x k side by side."""

    squeeze: Ratio = 8

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        inner, half = self._inner(out_channels), out_channels // 2
        expand = SideBySide(
            pointwise(inner, half, stride), convolution(inner, out_channels - half, kernel_size, stride, dilation)
        )
        return nn.Sequential(pointwise(in_channels, inner), norm_relu(inner), expand)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        inner = self._inner(out_channels)
        return in_channels * inner + 2 * inner + self._expand(out_channels, kernel_size)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        squeeze = in_channels * self._inner(out_channels) * height**2
        return squeeze + self._expand(out_channels, kernel_size) * positions(height, stride)

    def _inner(self, out_channels: int) -> int:
        if out_channels < self.squeeze:
            raise ValueError(f"{canonical(self)} needs at least {self.squeeze} output channels, got {out_channels}")
        return out_channels // self.squeeze

    def _expand(self, out_channels: int, kernel_size: int) -> int:
        half = out_channels // 2
        return self._inner(out_channels) * (half + kernel_size**2 * (out_channels - half))


class SideBySide(nn.Module):
    """concat(first(x), second(x))."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.first(x), self.second(x)], dim=1)
