"""B(b), BG(b,g), BG(b,M/k), BG(b,M): one bottleneck in place of a whole two-convolution residual block.

Crowley et al., "Moonshine", NeurIPS 2018, Table 1 (its Bottle wrapper): 1x1 down to M = co // b channels, BN, ReLU, a
(grouped) k x k that keeps M and carries the stride, BN, ReLU, 1x1 up to co. Putting it `twice` into a block, which the
released code does by default, doubles the network and is not the paper's; some numbers were made with it.

Params ci * M + 4 * M + 9 * M * (M / g) + M * co; MACs ci * M * H^2 + (9 * M * (M / g) + M * co) * Ho^2; g = 1 for B(b).
"""

from dataclasses import dataclass

from torch import nn

from cheapconv.catalog import canonical, register
from cheapconv.catalog.numbers import Count
from cheapconv.models.conv import Conv, positions
from cheapconv.models.parts.grouped import GroupedConv
from cheapconv.models.parts.layers import convolution, norm_relu, pointwise

PAPER = "Crowley et al., Moonshine, NeurIPS 2018, arXiv:1711.02613"


@register("conv", "bottleneck", paper=PAPER, notation={"B({b})": {}, "B({b}) twice per block": {"twice": True}})
@dataclass(frozen=True, kw_only=True)
class Bottleneck(Conv):
    """1x1 down to out_channels // b, 3x3, 1x1 up; replaces both convolutions of a residual block."""

    b: Count
    twice: bool | None = None

    operators_per_block = 1

    def __post_init__(self) -> None:
        set_operators(self, self.twice)

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        inner = inner_width(self, out_channels, self.b)
        return triple(in_channels, inner, out_channels, convolution(inner, inner, kernel_size, stride, dilation))

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        inner = inner_width(self, out_channels, self.b)
        return triple_params(in_channels, inner, out_channels, kernel_size**2 * inner * inner)

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        inner = inner_width(self, out_channels, self.b)
        behind = kernel_size**2 * inner * inner + inner * out_channels
        return in_channels * inner * height**2 + behind * positions(height, stride)


@register(
    "conv",
    "bottleneck_group",
    paper=PAPER,
    notation={
        "BG({b},M)": {"group_width": 1},
        "BG({b},M/{group_width})": {},
        "BG({b},{groups})": {},
        "BG({b},M) twice per block": {"group_width": 1, "twice": True},
        "BG({b},M/{group_width}) twice per block": {"twice": True},
        "BG({b},{groups}) twice per block": {"twice": True},
    },
)
@dataclass(frozen=True, kw_only=True)
class BottleneckGroup(GroupedConv):
    """Bottleneck whose 3x3 has `groups` groups, or groups of `group_width` channels (1 is depthwise)."""

    b: Count
    groups: Count | None = None
    group_width: Count | None = None
    twice: bool | None = None

    operators_per_block = 1

    def __post_init__(self) -> None:
        set_operators(self, self.twice)
        super().__post_init__()

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        inner = inner_width(self, out_channels, self.b)
        groups = self.groups_of(inner, "inner channels")
        grouped = convolution(inner, inner, kernel_size, stride, dilation, groups)
        return triple(in_channels, inner, out_channels, grouped)

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        inner = inner_width(self, out_channels, self.b)
        return triple_params(in_channels, inner, out_channels, self._spatial(inner, kernel_size))

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        inner = inner_width(self, out_channels, self.b)
        behind = self._spatial(inner, kernel_size) + inner * out_channels
        return in_channels * inner * height**2 + behind * positions(height, stride)

    def _spatial(self, inner: int, kernel_size: int) -> int:
        return kernel_size**2 * inner * (inner // self.groups_of(inner, "inner channels"))


def set_operators(conv: Conv, twice: bool | None) -> None:
    """One operator a block, or two; false is as good as not given, so that a bottleneck has one spelling."""
    object.__setattr__(conv, "twice", True if twice else None)
    object.__setattr__(conv, "operators_per_block", 2 if twice else 1)


def inner_width(conv: Conv, out_channels: int, b: int) -> int:
    """M = out_channels // b, which must leave a channel."""
    if out_channels < b:
        raise ValueError(f"{canonical(conv)} needs at least {b} output channels, got {out_channels}")
    return out_channels // b


def triple(in_channels: int, inner: int, out_channels: int, spatial: nn.Module) -> nn.Sequential:
    """1x1 to `inner` channels, `spatial`, 1x1 to `out_channels`, with BN-ReLU between them."""
    return nn.Sequential(
        pointwise(in_channels, inner), norm_relu(inner), spatial, norm_relu(inner), pointwise(inner, out_channels)
    )


def triple_params(in_channels: int, inner: int, out_channels: int, spatial: int) -> int:
    """Parameters of a `triple` with `spatial` weights in its middle: the 1x1 convolutions, two BN, the middle."""
    return in_channels * inner + 4 * inner + spatial + inner * out_channels
