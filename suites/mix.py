"""Soft labels, and the images that are mixed with them: every image of a batch with another one of it, and their labels
by the same share.

mixup: Zhang, Cisse, Dauphin, Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv:1710.09412, eq. 1
and released code: x = s x_i + (1 - s) x_j and y = s y_i + (1 - s) y_j, with one share s ~ Beta(alpha, alpha) and one
random permutation j for a batch. cutmix: Yun et al., "CutMix", ICCV 2019, arXiv:1905.04899, section 3.1 and released
code: a box of x_j is pasted into x_i, the same one in the whole batch. Its centre is drawn evenly, its sides are
sqrt(1 - s) of the image's, cut off at the border; s becomes the share of pixels that are left of x_i. Deviation: every
batch is mixed, where CutMix mixes half of them on CIFAR.

What is drawn depends on (seed, epoch, batch) alone, by Python's generator, whose numbers are the same everywhere.
"""

import math
import random
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cheapconv.suites.augmentation import Mix
from cheapconv.suites.base import Batch
from cheapconv.suites.place import moved, seed_of
from cheapconv.suites.recipe import Recipe

Box = tuple[int, int, int, int]  # first and last + 1 row, first and last + 1 column


@dataclass(frozen=True)
class Draw:
    """How a batch is mixed. With a box it is pasted, and the share is that of the pixels around it."""

    partner: list[int]  # (B,): the position in the batch that each image is mixed with; may be its own
    share: float  # of the image itself
    box: Box | None = None


def draw(mix: Mix, count: int, height: int, width: int, *where: int) -> Draw:
    """How a batch of `count` images is mixed; `where` are its seed, epoch and number."""
    source = random.Random(seed_of("mix", *where))
    share = source.betavariate(mix.alpha, mix.alpha)
    partner = source.sample(range(count), count)
    if mix.kind == "mixup":
        return Draw(partner, share)
    box = (*_side(height, share, source), *_side(width, share, source))
    inside = (box[1] - box[0]) * (box[3] - box[2])
    return Draw(partner, 1 - inside / (height * width), box)


def soften(batch: Batch, recipe: Recipe, classes: int, *where: int) -> Batch:
    """The batch with the labels, and the images, that a recipe asks for: as it is, smoothed, mixed or both."""
    if recipe.smoothing:
        batch = smoothed(batch, recipe.smoothing, classes)
    return mixed(batch, recipe.mix, classes, *where) if recipe.mix else batch


def mixed(batch: Batch, mix: Mix, classes: int, *where: int) -> Batch:
    """The batch with all of its views mixed alike, and the shares (B, classes) of its labels."""
    drawn = draw(mix, len(batch.y), batch.x.shape[2], batch.x.shape[3], *where)
    partner = moved(torch.tensor(drawn.partner), batch.y.device)
    views = tuple(_of(x, x[partner], drawn) for x in batch.views)
    labels = shares(batch.y, classes)
    y = drawn.share * labels + (1 - drawn.share) * labels[partner]
    return replace(batch, x=views[0], y=y, views=views)


def smoothed(batch: Batch, spread: float, classes: int) -> Batch:
    """The batch with shares (B, classes) for labels, of which `spread` is that of all classes alike (Szegedy et al.,
    "Rethinking the Inception Architecture", CVPR 2016, section 7)."""
    return replace(batch, y=(1 - spread) * shares(batch.y, classes) + spread / classes)


def shares(y: Tensor, classes: int) -> Tensor:
    """(B, classes) float32 of labels (B,), or what are shares already."""
    return one_hot(y, classes).float() if y.dim() == 1 else y


def _of(x: Tensor, other: Tensor, drawn: Draw) -> Tensor:
    """Images (B, C, H, W) mixed with those of their partners."""
    if drawn.box is None:
        return (drawn.share * x + (1 - drawn.share) * other).contiguous(memory_format=torch.channels_last)
    top, bottom, left, right = drawn.box
    pasted = x.clone()
    pasted[:, :, top:bottom, left:right] = other[:, :, top:bottom, left:right]
    return pasted


def _side(length: int, share: float, source: random.Random) -> tuple[int, int]:
    """Where a box begins and ends along a side."""
    half, centre = int(length * math.sqrt(1 - share)) // 2, source.randrange(length)
    return max(centre - half, 0), min(centre + half, length)
