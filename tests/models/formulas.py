"""Closed-form sizes of networks, written from the papers' block tables and independent of the modules they check."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

SIDE = 32  # of the image


@dataclass(frozen=True)
class Size:
    """Trainable parameters, BN channels (each has two statistics), multiply-adds."""

    params: int = 0
    bn_channels: int = 0
    macs: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.params + other.params, self.bn_channels + other.bn_channels, self.macs + other.macs)

    @property
    def params_with_bn_stats(self) -> int:
        return self.params + 2 * self.bn_channels


Path = Callable[[int, int, int, int], Size]  # ci, co, H, Ho -> residual path with the norms inside it


def conv(weights: int, side: int) -> Size:
    return Size(params=weights, macs=weights * side * side)


def bn(channels: int) -> Size:
    return Size(params=2 * channels, bn_channels=channels)


def standard(kernel_elements: int = 9) -> Path:
    def path(ci: int, co: int, h: int, ho: int) -> Size:
        return conv(kernel_elements * ci * co, ho) + bn(co) + conv(kernel_elements * co * co, ho)

    return path


def group(groups: Callable[[int], int]) -> Path:
    def half(ci: int, co: int, ho: int) -> Size:
        return conv(9 * ci * (ci // groups(ci)), ho) + bn(ci) + conv(ci * co, ho)

    return lambda ci, co, h, ho: half(ci, co, ho) + bn(co) + half(co, co, ho)


def bottleneck(b: int, groups: Callable[[int], int]) -> Path:
    def path(ci: int, co: int, h: int, ho: int) -> Size:
        m = co // b
        return conv(ci * m, h) + bn(m) + conv(9 * m * (m // groups(m)), ho) + bn(m) + conv(m * co, ho)

    return path


def od_shift(expansion: int) -> Path:
    def path(ci: int, co: int, h: int, ho: int) -> Size:
        mid = expansion * co
        return conv(ci * mid, h) + bn(mid) + conv(mid * co, ho)

    return path


def od_group(groups: Callable[[int], int]) -> Path:
    def path(ci: int, co: int, h: int, ho: int) -> Size:
        first = conv(9 * ci * (ci // groups(ci)), h) + conv(ci * co, h)
        return first + bn(co) + conv(9 * co * (co // groups(co)), h) + conv(co * co, ho)

    return path


def wrn(depth: int, width: int, classes: int, path: Path) -> Size:
    """Shortcut convolutions have no BN; every block begins with one BN."""

    def block(ci: int, co: int, h: int, ho: int) -> Size:
        shortcut = conv(ci * co, ho) if ci != co else Size()
        return bn(ci) + path(ci, co, h, ho) + shortcut

    widths = [16, 16 * width, 32 * width, 64 * width]
    head = bn(widths[-1]) + linear(widths[-1], classes)
    return conv(27 * 16, SIDE) + stages(block, widths, (depth - 4) // 6) + head


def resnet(depth: int, classes: int, path: Path) -> Size:
    """Every path ends in BN, every projection has one."""

    def block(ci: int, co: int, h: int, ho: int) -> Size:
        projection = conv(ci * co, ho) + bn(co) if ci != co else Size()
        return path(ci, co, h, ho) + bn(co) + projection

    return conv(27 * 16, SIDE) + bn(16) + stages(block, [16, 16, 32, 64], (depth - 2) // 6) + linear(64, classes)


def linear(channels: int, classes: int) -> Size:
    return Size(params=channels * classes + classes, macs=channels * classes)


def stages(block: Path, widths: list[int], blocks: int) -> Size:
    total, side = Size(), SIDE
    for i, (ci, co) in enumerate(pairwise(widths)):
        after = side if i == 0 else side // 2
        total += block(ci, co, side, after)
        for _ in range(blocks - 1):
            total += block(co, co, after, after)
        side = after
    return total
