"""Networks of RepDistiller as functions of a state dict with its names: independent of our modules and of the map.

Each takes `W`, which asks the state dict for a tensor by its name and shape, or makes it: a network that is run once on
an empty one has written down the names and shapes that the released code has.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

CLASSES = 7


class W:
    """Layers in eval mode by name, over a state dict that grows by what is asked for."""

    def __init__(self) -> None:
        self.state: dict[str, Tensor] = {}
        self.random = torch.Generator().manual_seed(0)

    def get(self, name: str, *shape: int, low: float = -1.0) -> Tensor:
        """The entry of that name and shape, which is drawn when it is first asked for."""
        fan = max(1, torch.Size(shape[1:]).numel())
        drawn = (torch.rand(shape, generator=self.random) * (1 - low) + low) * (3 / fan) ** 0.5
        return self.state.setdefault(name, drawn)

    def conv(self, name: str, x: Tensor, out: int, k: int, stride: int = 1, groups: int = 1, bias: bool = False):
        """Padding of k // 2."""
        weight = self.get(f"{name}.weight", out, x.shape[1] // groups, k, k)
        b = self.get(f"{name}.bias", out) if bias else None
        return functional.conv2d(x, weight, b, stride, k // 2, groups=groups)

    def norm(self, name: str, x: Tensor) -> Tensor:
        """Batch norm by its running statistics, with the counter of batches beside them."""
        width = x.shape[1]
        mean, variance = (self.get(f"{name}.running_{n}", width, low=0.5) for n in ("mean", "var"))
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(3)
        weight, bias = self.get(f"{name}.weight", width, low=0.5), self.get(f"{name}.bias", width)
        return functional.batch_norm(x, mean, variance, weight, bias)

    def linear(self, name: str, x: Tensor) -> Tensor:
        """The classifier of a map that is pooled."""
        x = x.mean((2, 3))
        return functional.linear(x, self.get(f"{name}.weight", CLASSES, x.shape[1]), self.get(f"{name}.bias", CLASSES))


def basic(w: W, at: str, x: Tensor, out: int, stride: int, shortcut: str) -> Tensor:
    """Two 3x3 convolutions; a projection where the shape changes."""
    y = w.norm(f"{at}.bn1", w.conv(f"{at}.conv1", x, out, 3, stride)).relu()
    y = w.norm(f"{at}.bn2", w.conv(f"{at}.conv2", y, out, 3))
    if stride > 1 or x.shape[1] != out:
        x = w.norm(f"{at}.{shortcut}.1", w.conv(f"{at}.{shortcut}.0", x, out, 1, stride))
    return (y + x).relu()


def bottleneck(w: W, at: str, x: Tensor, out: int, stride: int, shortcut: str) -> Tensor:
    """1x1, 3x3, 1x1."""
    y = w.norm(f"{at}.bn1", w.conv(f"{at}.conv1", x, out // 4, 1)).relu()
    y = w.norm(f"{at}.bn2", w.conv(f"{at}.conv2", y, out // 4, 3, stride)).relu()
    y = w.norm(f"{at}.bn3", w.conv(f"{at}.conv3", y, out, 1))
    if stride > 1 or x.shape[1] != out:
        x = w.norm(f"{at}.{shortcut}.1", w.conv(f"{at}.{shortcut}.0", x, out, 1, stride))
    return (y + x).relu()


def resnet(widths: list[int], blocks: list[int], block=basic, shortcut="downsample", last="fc"):
    """A post-activation ResNet; `widths` begins with the stem's."""

    def run(w: W, x: Tensor) -> Tensor:
        x = w.norm("bn1", w.conv("conv1", x, widths[0], 3)).relu()
        for s, (out, count) in enumerate(zip(widths[1:], blocks, strict=True), 1):
            for b in range(count):
                x = block(w, f"layer{s}.{b}", x, out, 2 if s > 1 and b == 0 else 1, shortcut)
        return w.linear(last, x)

    return run


def wrn(depth: int, width: int):
    """A pre-activation Wide ResNet."""

    def run(w: W, x: Tensor) -> Tensor:
        x = w.conv("conv1", x, 16, 3)
        for s in (1, 2, 3):
            for b in range((depth - 4) // 6):
                at, out, stride = f"block{s}.layer.{b}", 16 * width * 2 ** (s - 1), 2 if s > 1 and b == 0 else 1
                o = w.norm(f"{at}.bn1", x).relu()
                y = w.conv(f"{at}.conv1", o, out, 3, stride)
                y = w.conv(f"{at}.conv2", w.norm(f"{at}.bn2", y).relu(), out, 3)
                x = y + (x if x.shape[1] == out else w.conv(f"{at}.convShortcut", o, out, 1, stride))
        return w.linear("fc", w.norm("bn1", x).relu())

    return run


def vgg(*blocks: list[int]):
    """Five blocks with a pooling behind the first three; the last ReLU of a block is outside of it."""

    def run(w: W, x: Tensor) -> Tensor:
        for b, widths in enumerate(blocks):
            for k, width in enumerate(widths):
                x = w.conv(f"block{b}.{3 * k}", x, width, 3, bias=True)
                x = w.norm(f"block{b}.{3 * k + 1}", x).relu()
            x = functional.max_pool2d(x, 2) if b < 3 else x
        return w.linear("classifier", x)

    return run


def mobilenet(w: W, x: Tensor) -> Tensor:
    """mobile_half: MobileNetV2 of width 0.5 with ReLU."""
    x = w.norm("conv1.1", w.conv("conv1.0", x, 16, 3, 2)).relu()
    rows = [(1, 8, 1, 1), (6, 12, 2, 1), (6, 16, 3, 2), (6, 32, 4, 2), (6, 48, 3, 1), (6, 80, 3, 2), (6, 160, 1, 1)]
    for row, (t, out, count, first) in enumerate(rows):
        for b in range(count):
            at, inner, stride = f"blocks.{row}.{b}.conv", t * x.shape[1], first if b == 0 else 1
            y = w.norm(f"{at}.1", w.conv(f"{at}.0", x, inner, 1)).relu()
            y = w.norm(f"{at}.4", w.conv(f"{at}.3", y, inner, 3, stride, groups=inner)).relu()
            y = w.norm(f"{at}.7", w.conv(f"{at}.6", y, out, 1))
            x = x + y if stride == 1 and x.shape[1] == out else y
    return w.linear("classifier.0", w.norm("conv2.1", w.conv("conv2.0", x, 1280, 1)).relu())


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels (g, C / g) as (C / g, g)."""
    return x.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def shuffle_v1(w: W, x: Tensor) -> Tensor:
    """ShuffleV1: 3 groups."""
    x = w.norm("bn1", w.conv("conv1", x, 24, 1)).relu()
    for s, (width, count) in enumerate([(240, 4), (480, 8), (960, 4)], 1):
        for b in range(count):
            at, out = f"layer{s}.{b}", width - x.shape[1] if b == 0 else width
            inner, groups = out // 4, 1 if x.shape[1] == 24 else 3
            y = shuffled(w.norm(f"{at}.bn1", w.conv(f"{at}.conv1", x, inner, 1, groups=groups)).relu(), groups)
            y = w.norm(f"{at}.bn2", w.conv(f"{at}.conv2", y, inner, 3, 2 if b == 0 else 1, groups=inner)).relu()
            y = w.norm(f"{at}.bn3", w.conv(f"{at}.conv3", y, out, 1, groups=3))
            x = (torch.cat([y, functional.avg_pool2d(x, 3, 2, 1)], 1) if b == 0 else x + y).relu()
    return w.linear("linear", x)


def shuffle_v2(w: W, x: Tensor) -> Tensor:
    """ShuffleV2 of width 1."""
    x = w.norm("bn1", w.conv("conv1", x, 24, 1)).relu()
    for s, (width, count) in enumerate([(116, 4), (232, 8), (464, 4)], 1):
        for b in range(count):
            at, half, c = f"layer{s}.{b}", width // 2, x.shape[1]
            if b == 0:
                left = w.norm(f"{at}.bn1", w.conv(f"{at}.conv1", x, c, 3, 2, groups=c))
                left = w.norm(f"{at}.bn2", w.conv(f"{at}.conv2", left, half, 1)).relu()
                first, right, stride = 3, x, 2
            else:
                left, right = x.chunk(2, 1)
                first, stride = 1, 1
            for k, (kernel, step, groups) in enumerate([(1, 1, 1), (3, stride, half), (1, 1, 1)], first):
                right = w.norm(f"{at}.bn{k}", w.conv(f"{at}.conv{k}", right, half, kernel, step, groups))
                right = right if kernel == 3 else right.relu()
            x = shuffled(torch.cat([left, right], 1), 2)
    return w.linear("linear", w.norm("bn2", w.conv("conv2", x, 1024, 1)).relu())


CIFAR, WIDE, IMAGENET = [16, 16, 32, 64], [32, 64, 128, 256], [64, 64, 128, 256, 512]
RELEASED: dict[str, tuple[str, Callable[[W, Tensor], Tensor]]] = {  # by the name of the checkpoint
    "resnet8": ("ResNet-8", resnet(CIFAR, [1] * 3)),
    "resnet20": ("ResNet-20", resnet(CIFAR, [3] * 3)),
    "resnet56": ("ResNet-56", resnet(CIFAR, [9] * 3)),
    "resnet110": ("ResNet-110", resnet(CIFAR, [18] * 3)),
    "resnet8x4": ("ResNet-8x4", resnet(WIDE, [1] * 3)),
    "resnet32x4": ("ResNet-32x4", resnet(WIDE, [5] * 3)),
    "wrn_16_1": ("WRN-16-1", wrn(16, 1)),
    "wrn_40_2": ("WRN-40-2", wrn(40, 2)),
    "vgg8": ("VGG-8", vgg([64], [128], [256], [512], [512])),
    "vgg13": ("VGG-13", vgg([64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2)),
    "vgg19": ("VGG-19", vgg([64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4)),
    "MobileNetV2": ("MobileNetV2-half", mobilenet),
    "ShuffleV1": ("ShuffleNetV1", shuffle_v1),
    "ShuffleV2": ("ShuffleNetV2", shuffle_v2),
    "ResNet18": ("ResNet-18-C", resnet(IMAGENET, [2] * 4, shortcut="shortcut", last="linear")),
    "ResNet50": (
        "ResNet-50-C",
        resnet([64, 256, 512, 1024, 2048], [3, 4, 6, 3], bottleneck, shortcut="shortcut", last="linear"),
    ),
}
