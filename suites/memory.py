"""Batches made on the device from uint8 images: shuffle, crop, flip and normalise, all drawn from (seed, epoch).

The random numbers are drawn on the CPU for a whole epoch at once, so that a run sees the same samples on every
device, and a run resumed in the middle of an epoch sees what an unbroken one would.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from cheapconv.suites.recipe import Augmentation, Normalisation, Recipe

EVAL_BATCH = 500


@dataclass(frozen=True)
class Batch:
    """One step's samples; `views` holds one differently augmented copy of the images per view, the first being `x`."""

    x: Tensor  # (B, 3, H, W) float32, normalised, channels last
    y: Tensor  # (B,) int64
    index: Tensor  # (B,) int64, positions in the training set
    views: tuple[Tensor, ...]


@dataclass(frozen=True)
class Data:
    """A data set in memory; images are uint8 (N, 3, H, W)."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    class_names: tuple[str, ...]
    validation_x: Tensor | None = None  # held out of the training images
    validation_y: Tensor | None = None

    def to(self, device: torch.device) -> "Data":
        """The same data on `device`."""
        return replace(
            self,
            train_x=self.train_x.to(device),
            train_y=self.train_y.to(device),
            test_x=self.test_x.to(device),
            test_y=self.test_y.to(device),
        )

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        channels, height, width = self.train_x.shape[1:]
        return channels, height, width


def seed_of(*parts: object) -> int:
    """A 63-bit seed that depends on every part and on nothing else (Python's own hash changes from run to run)."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def train_batches(data: Data, recipe: Recipe, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
    """The shuffled, augmented batches of an epoch from batch `start` on; the last partial batch is kept."""
    count, device = len(data.train_y), data.train_y.device
    generator = torch.Generator().manual_seed(seed_of("batches", seed, epoch))
    order = torch.randperm(count, generator=generator).to(device)  # (N,)
    draws = [_draw(count, recipe.augmentation, generator).to(device) for _ in range(views)]  # each (N, 3)
    for first in range(start * recipe.batch, count, recipe.batch):
        index = order[first : first + recipe.batch]
        raw = data.train_x[index]  # (B, 3, H, W) uint8
        copies = tuple(
            normalise(augment(raw, draw[first : first + recipe.batch], recipe.augmentation), recipe.normalisation)
            for draw in draws
        )
        yield Batch(copies[0], data.train_y[index], index, copies)


def hold_out(data: Data, count: int) -> Data:
    """The data with `count` training images set aside for validation: the same ones for every seed.

    Raises ValueError if that leaves none to train on.
    """
    if count >= len(data.train_y):
        raise ValueError(f"validation holds out {count} images of {len(data.train_y)}: leave some to train on")
    generator = torch.Generator().manual_seed(seed_of("validation"))
    order = torch.randperm(len(data.train_y), generator=generator)
    held, kept = (part.sort().values.to(data.train_y.device) for part in (order[:count], order[count:]))
    return replace(
        data,
        train_x=data.train_x[kept],
        train_y=data.train_y[kept],
        validation_x=data.train_x[held],
        validation_y=data.train_y[held],
    )


def test_batches(data: Data, normalisation: Normalisation) -> Iterator[tuple[Tensor, Tensor]]:
    """The test set in order: normalised images and labels."""
    return ordered_batches(data.test_x, data.test_y, normalisation)


def ordered_batches(x: Tensor, y: Tensor, normalisation: Normalisation) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and labels in order, without augmentation: normalised images and labels."""
    for images, labels in zip(x.split(EVAL_BATCH), y.split(EVAL_BATCH), strict=True):
        yield normalise(images, normalisation), labels


def batches_per_epoch(data: Data, recipe: Recipe) -> int:
    """Number of steps of an epoch."""
    return -(-len(data.train_y) // recipe.batch)


def augment(x: Tensor, draw: Tensor, augmentation: Augmentation) -> Tensor:
    """Crop the padded images (B, C, H, W) at (row, column) = `draw[:, :2]`, mirrored where `draw[:, 2]` is 1."""
    height, width = x.shape[2:]
    padded = pad(x, [augmentation.pad] * 4)
    rows = draw[:, 0, None] + torch.arange(height, device=x.device)  # (B, H)
    steps = torch.arange(width, device=x.device).expand(len(x), width)  # (B, W)
    mirrored = torch.where(draw[:, 2, None] == 1, width - 1 - steps, steps)
    columns = draw[:, 1, None] + mirrored  # (B, W)
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)  # channels last


def normalise(x: Tensor, normalisation: Normalisation) -> Tensor:
    """uint8 images (B, 3, H, W) as float32, channels last, with the recipe's mean and standard deviation."""
    mean = torch.tensor(normalisation.mean, device=x.device).mul(255).view(1, -1, 1, 1)
    scale = torch.tensor(normalisation.std, device=x.device).mul(255).reciprocal().view(1, -1, 1, 1)
    return ((x - mean) * scale).contiguous(memory_format=torch.channels_last)


def _draw(count: int, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """(N, 3) integers: row offset, column offset, mirrored or not."""
    offsets = torch.randint(2 * augmentation.pad + 1, (count, 2), generator=generator)
    mirror = torch.randint(2, (count, 1), generator=generator) * int(augmentation.flip)
    return torch.cat([offsets, mirror], dim=1)
