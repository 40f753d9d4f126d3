"""Octave_a: a k x k convolution whose maps are in part of half the resolution.

Chen et al., "Drop an Octave", ICCV 2019, arXiv:1904.05049. Of the channels, int(alpha * c) are low: kept at half the
resolution, they give and get y_H = f(x_H) + up(f(x_L)), y_L = f(x_L) + f(pool(x_H)), with nearest upsampling and 2x2
average pooling; a stride of 2 is average pooling before. Deviation: between two operators the low maps, the last
channels, are held upsampled, and the next operator pools them back, which recovers them exactly from behind a norm and
a ReLU; so an operator fits into any network. What is not low yet (the stem's maps, an identity added) is averaged.

Params 9 * ci * co, those of the convolution; MACs (9 * hi * ho) * Ho^2 + 9 * (ci * co - hi * ho) * ceil(Ho / 2)^2 for
hi, ho high channels: 1 - 0.75 * alpha * (2 - alpha) of the convolution's for even Ho.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import ProperShare
from cheapconv.models.conv import Conv, output_side, positions
from cheapconv.models.parts.layers import convolution


@register(
    "conv",
    "octave",
    paper="Chen et al., Drop an Octave, ICCV 2019, arXiv:1904.05049",
    notation={"Octave_{alpha}": {}},
)
@dataclass(frozen=True, kw_only=True)
class Octave(Conv):
    """k x k convolution with `alpha` of the channels in and out at half the resolution."""

    alpha: ProperShare = 0.25

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        low_in, low_out = self._low(in_channels), self._low(out_channels)
        high_in, high_out = in_channels - low_in, out_channels - low_out

        def part(from_channels: int, to_channels: int) -> nn.Conv2d:
            return convolution(from_channels, to_channels, kernel_size, dilation=dilation)

        return OctaveModule(
            part(high_in, high_out), part(high_in, low_out), part(low_in, high_out), part(low_in, low_out), stride
        )

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        return kernel_size**2 * in_channels * out_channels

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        high = (in_channels - self._low(in_channels)) * (out_channels - self._low(out_channels))
        after = output_side(height, stride)
        low = (in_channels * out_channels - high) * positions(after, 2)
        return kernel_size**2 * (high * after**2 + low)

    def _low(self, channels: int) -> int:
        low = int(self.alpha * channels)
        if not 0 < low < channels:
            raise ValueError(f"{canonical(self)} leaves {low} of {channels} channels at half the resolution")
        return low


class OctaveModule(nn.Module):
    """The four convolutions between high and low maps; the low ones are the last channels, upsampled."""

    def __init__(
        self, high_high: nn.Conv2d, high_low: nn.Conv2d, low_high: nn.Conv2d, low_low: nn.Conv2d, stride: int
    ) -> None:
        super().__init__()
        self.high_high, self.high_low, self.low_high, self.low_low = high_high, high_low, low_high, low_low
        self.low_in: int = low_low.in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            x = pooled(x, self.stride)
        high, low = x.split([x.shape[1] - self.low_in, self.low_in], dim=1)  # whose gradient keeps the memory format
        low = pooled(low)
        high_out = self.high_high(high) + upsampled(self.low_high(low), x)
        low_out = self.low_low(low) + self.high_low(pooled(high))
        return torch.cat([high_out, upsampled(low_out, x)], dim=1)


def pooled(x: Tensor, factor: int = 2) -> Tensor:
    """Averages over windows of `factor` x `factor`, cut at the border: side ceil(H / factor)."""
    return functional.avg_pool2d(x, factor, ceil_mode=True)


def upsampled(x: Tensor, like: Tensor) -> Tensor:
    """Every pixel of x twice along both axes, cut to the side of `like` and in its memory format."""
    height, width = like.shape[2:]
    up = functional.interpolate(x, scale_factor=2, mode="nearest")[:, :, :height, :width]
    wide = like.is_contiguous(memory_format=torch.channels_last)  # a map of one pixel has forgotten it
    return up.contiguous(memory_format=torch.channels_last if wide else torch.contiguous_format)
