"""Closed-form sizes of networks, written from the papers' block tables and independent of the modules they check."""

from collections.abc import Callable, Sequence
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


def post_activation(path: Path) -> Path:
    """Every path ends in BN, every projection has one."""

    def block(ci: int, co: int, h: int, ho: int) -> Size:
        projection = conv(ci * co, ho) + bn(co) if (ci, h) != (co, ho) else Size()
        return path(ci, co, h, ho) + bn(co) + projection

    return block


def resnet(depth: int, classes: int, path: Path, widths: Sequence[int] = (16, 16, 32, 64)) -> Size:
    stem = conv(27 * widths[0], SIDE) + bn(widths[0])
    return stem + stages(post_activation(path), widths, (depth - 2) // 6) + linear(widths[-1], classes)


def resnet_tiny(classes: int, path: Path, biases: int) -> Size:
    """`biases` convolutions of a path have a bias on each output; so have the stem and the projections, without BN."""

    def block(ci: int, co: int, h: int, ho: int) -> Size:
        projection = conv(ci * co, ho) + Size(params=co) if (ci, h) != (co, ho) else Size()
        return path(ci, co, h, ho) + Size(params=biases * co) + bn(co) + projection

    stem = conv(27 * 16, SIDE) + Size(params=16) + bn(16)
    return stem + stages(block, [16, 16, 32, 64], 1) + linear(64, classes)


def resnet_imagenet(lengths: list[int], widths: list[int], classes: int, path: Path) -> Size:
    """Images of side 224: the stem works at 112, the stages from 56 on."""
    stem = conv(9408, 112) + bn(64)
    return stem + stages(post_activation(path), widths, lengths, side=56) + linear(widths[-1], classes)


def resnet_bottleneck(blocks: int, width: int, classes: int) -> Size:
    def path(ci: int, co: int, h: int, ho: int) -> Size:
        inner = co // 4 * width
        return conv(ci * inner, h) + bn(inner) + conv(9 * inner * inner, ho) + bn(inner) + conv(inner * co, ho)

    stem = conv(27 * 16, SIDE) + bn(16)
    return stem + stages(post_activation(path), [16, 64, 128, 256], blocks) + linear(256, classes)


def densenet(layers: int, growth: int, classes: int, bottleneck: bool) -> Size:
    """`layers` in each of three blocks; with bottlenecks the transitions halve the channels."""
    channels, side, inner = 2 * growth, SIDE, 4 * growth
    total = conv(27 * channels, side)
    for i in range(3):
        if i > 0:
            after = channels // 2 if bottleneck else channels
            total += bn(channels) + conv(channels * after, side)
            channels, side = after, side // 2
        for _ in range(layers):
            up = conv(channels * inner, side) + bn(inner) + conv(9 * inner * growth, side)
            total += bn(channels) + (up if bottleneck else conv(9 * channels * growth, side))
            channels += growth
    return total + bn(channels) + linear(channels, classes)


def linear(channels: int, classes: int) -> Size:
    return Size(params=channels * classes + classes, macs=channels * classes)


def stages(block: Path, widths: Sequence[int], blocks: int | list[int], side: int = SIDE) -> Size:
    """Stages of `blocks` blocks each; all but the first halve the side, which is `side` before the first."""
    total = Size()
    lengths = blocks if isinstance(blocks, list) else [blocks] * (len(widths) - 1)
    for i, (ci, co) in enumerate(pairwise(widths)):
        after = side if i == 0 else side // 2
        total += block(ci, co, side, after)
        for _ in range(lengths[i] - 1):
            total += block(co, co, after, after)
        side = after
    return total
