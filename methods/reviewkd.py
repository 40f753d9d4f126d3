"""Knowledge review: each map of the teacher guides the student's map of its stage fused with all deeper ones.

Chen, Liu, Zhao, Jia, "Distilling Knowledge via Knowledge Review", CVPR 2021, arXiv:2104.09044, sections 3.3-3.4, and
released code. The teacher's maps are those before the ReLU that ends their stage, or, where networks activate first,
before the ReLU behind it, so after the next block's BN, as in the authors' code, RepDistiller's and mdistiller's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Share, Weight
from cheapconv.methods.base import Batch, Build, Network
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.map_gradients import keep_layout
from cheapconv.methods.parts.offline import Offline, Seen, check_same_stages, look, warm_up

# Weights of the authors' script for CIFAR-100 (CIFAR-100/script/reviewKD.sh), by teacher and student.
PAIRS = {
    ("WRN-40-2", "WRN-16-2"): 5.0,
    ("WRN-40-2", "WRN-40-1"): 5.0,
    ("WRN-40-2", "ShuffleNetV1"): 5.0,
    ("ResNet-32x4", "ResNet-8x4"): 5.0,
    ("ResNet-32x4", "ShuffleNetV1"): 5.0,
    ("ResNet-32x4", "ShuffleNetV2"): 8.0,
    ("ResNet-56", "ResNet-20"): 0.6,
    ("ResNet-110", "ResNet-32"): 1.0,
}
OTHER_PAIR = 1.0  # the script's default, and the paper's weight on ImageNet
LARGEST_WIDTH = 512
POOLED_SIDES = (4, 2, 1)


@exact
def hierarchical_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two maps (B, C, H, W) at full size and, with weights 1/2, 1/4, 1/8, pooled to sides
    4, 2, 1 as far as these are smaller, divided by the sum of the weights."""
    difference = student - teacher
    distances, weights = [keep_layout(difference).square().mean()], [1.0]
    for side in (s for s in POOLED_SIDES if s < student.shape[2]):
        distances.append(adaptive_avg_pool2d(keep_layout(difference), side).square().mean())
        weights.append(weights[-1] / 2)
    weighted = [w * d for w, d in zip(weights, distances, strict=True)]
    return torch.stack(weighted).sum() / sum(weights)


class Fusion(nn.Module):
    """Attention-based fusion of a student's map with what comes from the deeper ones."""

    def __init__(self, in_channels: int, width: int, out_channels: int, deepest: bool) -> None:
        super().__init__()
        narrow = nn.Conv2d(in_channels, width, 1, bias=False)
        widen = nn.Conv2d(width, out_channels, 3, padding=1, bias=False)
        for convolution in (narrow, widen):
            nn.init.kaiming_uniform_(convolution.weight, a=1)
        self.reduce = nn.Sequential(narrow, nn.BatchNorm2d(width))
        self.attend = None if deepest else nn.Sequential(nn.Conv2d(2 * width, 2, 1), nn.Sigmoid())
        self.expand = nn.Sequential(widen, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor, deeper: Tensor | None, size: torch.Size) -> tuple[Tensor, Tensor]:
        """A map like the teacher's (B, C_t, *size), and the fused one (B, width, *size) for the next level."""
        x = self.reduce(x)
        if self.attend is not None and deeper is not None:
            deeper = interpolate(deeper, x.shape[2:])  # nearest
            here, below = keep_layout(self.attend(torch.cat([x, deeper], dim=1))).split(1, dim=1)  # (B, 1, H, W) each
            x = x * here + deeper * below
        if x.shape[2:] != size:
            x = interpolate(x, size)
        return self.expand(x), x


@register("method", "reviewkd", paper="Chen et al. 2021, arXiv:2104.09044")
class ReviewKD(Offline):
    """Every map of the teacher reviewed by the student's maps of its stage and all deeper ones."""

    version = 2  # maps of networks that activate first are taken behind the BN; weights of known pairs

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight w sum_levels HCL [+ kd_weight KD], w = min(epoch / 20, 1) in 240 epochs.

        Without a `weight`, that of the authors' script for the two architectures, whatever the student's conv: 5 for
        WRN-40-2 -> WRN-16-2, WRN-40-1, ShuffleNetV1 and ResNet-32x4 -> ResNet-8x4, ShuffleNetV1; 8 for ResNet-32x4 ->
        ShuffleNetV2; 0.6 for ResNet-56 -> ResNet-20; 1 for ResNet-110 -> ResNet-32, as for all that it does not name.
        On ImageNet w reaches 1 after one of 100 epochs, and the student's maps too are those before the ReLU.
        """

        weight: Weight | None = None  # type: ignore[assignment]
        warm_up: Share = 20 / 240
        student_pre_activation: bool = False

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        check_same_stages("reviewkd", self.student, self.teacher)
        width = min(LARGEST_WIDTH, self.student.features)
        levels = list(zip(_levels(self.student), _levels(self.teacher), strict=True))
        self.fusions = nn.ModuleList(Fusion(s, width, t, deepest=i == 0) for i, (s, t) in enumerate(levels))
        self._epochs = build.epochs
        self.weight = PAIRS.get(build.pair(), OTHER_PAIR) if config.weight is None else config.weight

    def see(self, x: Tensor) -> tuple[Seen, Seen]:
        """The teacher's maps before their ReLU, and the student's as configured."""
        return look(self.student, x, self.config.student_pre_activation), look(self.teacher, x, pre_activation=True)

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Distances from the deepest level, the pooled vector, to the shallowest."""
        distances: list[Tensor] = []
        fused: Tensor | None = None
        for fusion, ours, theirs in zip(
            self.fusions, _deep_to_shallow(student), _deep_to_shallow(teacher), strict=True
        ):
            guess, fused = fusion(ours, fused, theirs.shape[2:])
            distances.append(hierarchical_distance(guess, theirs))
        return warm_up(self.clock, self._epochs, self.config.warm_up) * torch.stack(distances).sum()


def _levels(network: Network) -> list[int]:
    """Widths of the pooled vector and of the maps, from deep to shallow."""
    return [network.features, *reversed(network.channels)]


def _deep_to_shallow(seen: Seen) -> list[Tensor]:
    """The pooled vector as a map of one pixel, and the maps."""
    return [seen.embedding[:, :, None, None], *reversed(seen.maps)]
