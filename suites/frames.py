"""Frames with a label for every pixel, as data in memory (`suites.base.Data`): images and labels move together.

As in suites/memory.py everything is uint8 on the device, and the random numbers of an epoch are drawn on the CPU at
once, from (seed, epoch). A frame is cut out of the padded one at a random place, mirrored, and where the recipe says so
magnified: the image then between its pixels, the labels by the nearest one. What lies outside of the frame is black and
has no label.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.base import Batch, Split
from cheapconv.suites.memory import InMemory, normalise
from cheapconv.suites.place import moved, seed_of
from cheapconv.suites.recipe import Recipe

EVAL_BATCH = 4  # frames; their logits are large
DRAWN = 4  # random numbers a frame


@dataclass(frozen=True)
class Frames(InMemory):
    """A data set as tensors; images are uint8 (N, 3, H, W), labels uint8 (N, H, W), `void` where there is none."""

    void: int = 255

    def train(self, recipe: Recipe, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        """This place's share of the batches of an epoch from batch `start` on. `views` of a frame would each need
        labels of their own: they are one and the same here."""
        device, augmentation = self.train_y.device, recipe.augmentation
        generator = torch.Generator().manual_seed(seed_of("batches", seed, epoch))
        order = moved(torch.randperm(self.samples, generator=generator), device)  # (N,)
        drawn = moved(torch.rand(self.samples, DRAWN, generator=generator, dtype=torch.float64), device)
        steps = self.steps(recipe)
        for step in range(start, steps):
            first = step * recipe.batch
            end = self.samples if step + 1 == steps else first + recipe.batch
            chosen = slice(first + self.rank, end, self.world)
            index = order[chosen]  # (B,)
            x, y = augment(self.train_x[index], self.train_y[index], drawn[chosen], augmentation, self.void)
            image = normalise(x, recipe.normalisation)
            yield Batch(image, y.long(), index, (image,) * views, end - first if self.world > 1 else None)

    def split(self, split: Split, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
        """This place's batches of its frames in order, normalised, and their labels (B, H, W) int64."""
        images, labels = self._images(split)
        batches = [*zip(images.split(EVAL_BATCH), labels.split(EVAL_BATCH), strict=True)]
        for x, y in batches[self.rank :: self.world]:
            if len(y):  # an empty split is one empty part
                yield normalise(x, recipe.normalisation), y.long()


class Axis(NamedTuple):
    """Where the pixels of a crop lie along one axis of the frames, (B, length) each."""

    nearest: Tensor  # int64
    inside: Tensor  # bool: whether that is a pixel of the frame
    low: Tensor  # int64, the pixel before, at most the last but one
    share: Tensor  # float32, of the pixel after it


def augment(x: Tensor, y: Tensor, drawn: Tensor, augmentation: Augmentation, void: int) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and labels (B, H, W) after crop, mirror and scale; `drawn` (B, 4) in [0, 1): down, right,
    mirror, scale."""
    lowest, highest = augmentation.scale or (1.0, 1.0)
    scale = lowest + (highest - lowest) * drawn[:, 3]  # (B,)
    exact = augmentation.scale is None
    rows, columns = (
        _axis(drawn[:, axis], scale, length, cut, augmentation.pad, exact)
        for axis, length, cut in zip((0, 1), x.shape[2:], augmentation.crop or x.shape[2:], strict=True)
    )
    mirrored = (drawn[:, 2] >= 0.5) & augmentation.flip
    columns = Axis(*(torch.where(mirrored[:, None], part.flip(1), part) for part in columns))
    inside = rows.inside[:, :, None] & columns.inside[:, None, :]  # (B, h, w)
    labels = _gather(y[:, None], rows.nearest, columns.nearest)[:, 0]
    image = _gather(x, rows.nearest, columns.nearest) if exact else _between(x, rows, columns)
    return image * inside[:, None], labels.masked_fill(~inside, void)


def _axis(drawn: Tensor, scale: Tensor, length: int, cut: int, pad: int, exact: bool) -> Axis:
    """A crop of `cut` pixels, 1 / scale pixels of the frame apart, somewhere in the padded frame."""
    room = length + 2 * pad - cut / scale  # (B,) places to begin at, negative where the crop is larger
    begin = (drawn * (room.floor() + 1)).floor() - pad if exact else drawn * room - pad
    at = begin[:, None] + (torch.arange(cut, device=drawn.device) + 0.5) / scale[:, None] - 0.5  # (B, cut)
    nearest = (at + 0.5).floor().long()
    low = at.clamp(0, length - 1).floor().clamp(max=max(length - 2, 0))
    share = (at.clamp(0, length - 1) - low).float()
    return Axis(nearest.clamp(0, length - 1), (nearest >= 0) & (nearest < length), low.long(), share)


def _gather(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """x (B, C, H, W) at rows (B, h) and columns (B, w): (B, C, h, w)."""
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    return x[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _between(x: Tensor, rows: Axis, columns: Axis) -> Tensor:
    """x, float32 (B, C, h, w), between its pixels: bilinear."""
    down, right = rows.share[:, None, :, None], columns.share[:, None, None, :]
    upper, lower = (
        _gather(x, row, columns.low) * (1 - right) + _gather(x, row, columns.low + 1) * right
        for row in (rows.low, rows.low + 1)
    )
    return upper * (1 - down) + lower * down
