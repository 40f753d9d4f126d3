"""Data that fits on the device: uint8 images there, and batches made of them by shuffle, crop, flip and normalise.

The random numbers are drawn on the CPU for a whole epoch at once, from (seed, epoch), so that a run sees the same
samples on every device, and a run resumed in the middle of an epoch sees what an unbroken one would.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from cheapconv.catalog.errors import UserError
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.base import Batch, Split, Suite
from cheapconv.suites.mix import soften
from cheapconv.suites.place import Place, moved, seed_of
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.strong import strengthen

EVAL_BATCH = 500


@dataclass(frozen=True)
class InMemory:
    """A data set as tensors (`suites.base.Data`); images are uint8 (N, 3, H, W), labels int64 (N,)."""

    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    class_names: tuple[str, ...]
    validation_x: Tensor | None = None  # held out of the training images
    validation_y: Tensor | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)  # by name: images that could not be decoded, and why
    rank: int = 0  # of the `world` places that share each batch
    world: int = 1

    @property
    def samples(self) -> int:
        """Number of training images."""
        return len(self.train_y)

    @property
    def labels(self) -> Tensor:
        """(N,) of the training images."""
        return self.train_y

    @property
    def image(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        channels, height, width = self.train_x.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> Self:
        """The same data on `device`."""
        there: dict[str, Any] = {k: v.to(device) for k, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **there)

    def at(self, place: Place) -> Self:
        """The same data for another place of the device."""
        return replace(self, rank=place.rank, world=place.world)

    def hold_out(self, count: int) -> Self:
        """The data with `count` training images set aside for validation, drawn without a look at any seed."""
        held, kept = (chosen.to(self.train_y.device) for chosen in held_out(self.samples, count))
        return replace(
            self,
            train_x=self.train_x[kept],
            train_y=self.train_y[kept],
            validation_x=self.train_x[held],
            validation_y=self.train_y[held],
        )

    def steps(self, recipe: Recipe) -> int:
        """Number of batches of an epoch, with the last partial one."""
        return recipe.steps(self.samples)

    def train(self, recipe: Recipe, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        """This place's share of the batches of an epoch from batch `start` on."""
        device, augmentation = self.train_y.device, recipe.augmentation
        generator = torch.Generator().manual_seed(seed_of("batches", seed, epoch))
        order = moved(torch.randperm(self.samples, generator=generator), device)  # (N,)
        # All views are drawn for all samples, also those before `start`: the generator's sequence is fixed.
        crops = [moved(draw_crops(self.samples, augmentation, generator), device) for _ in range(views)]  # each (N, 3)
        holes: list[Tensor] = []  # each (N, 2), drawn last: without them the sequence is that of older releases
        if augmentation.cutout is not None:
            holes += [moved(draw_holes(self.samples, self.image, generator), device) for _ in range(views)]
        steps = self.steps(recipe)
        for step in range(start, steps):
            first = step * recipe.batch
            end = self.samples if step + 1 == steps else first + recipe.batch
            # What is mixed needs all of the batch for its partners, and is shared out afterwards.
            early = self.world if recipe.mix is None else 1
            chosen = slice(first + self.rank % early, end, early)
            index = order[chosen]  # (B,)
            raw = self.train_x[index]  # (B, 3, H, W) uint8
            cropped = [augment(raw, drawn[chosen], augmentation) for drawn in crops]
            for view, crop in enumerate(cropped):
                if strong := augmentation.of_view(view):
                    cropped[view] = strengthen(crop, strong, seed, epoch, view, index.tolist())
            copies = tuple(normalise(crop, recipe.normalisation) for crop in cropped)
            for copy, drawn in zip(copies, holes, strict=bool(holes)):
                cut_out(copy, drawn[chosen], augmentation.cutout or 0)
            batch = Batch(copies[0], self.train_y[index], index, copies)
            batch = soften(batch, recipe, len(self.class_names), seed, epoch, step)
            if self.world > 1:
                batch = batch.part(self.rank, self.world) if early == 1 else replace(batch, whole=end - first)
            yield batch

    def size(self, split: Split) -> int:
        """Number of images of a split."""
        return len(self._images(split)[1])

    def split(self, split: Split, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
        """This place's batches of its images in order, normalised, and their labels."""
        images, labels = self._images(split)
        for first in range(self.rank * EVAL_BATCH, len(labels), self.world * EVAL_BATCH):
            chosen = slice(first, first + EVAL_BATCH)
            yield normalise(images[chosen], recipe.normalisation), labels[chosen]

    def _images(self, split: Split) -> tuple[Tensor, Tensor]:
        """The images and labels of a split."""
        if split == "test":
            return self.test_x, self.test_y
        if self.validation_x is None or self.validation_y is None:
            return self.test_x[:0], self.test_y[:0]  # none is held out
        return self.validation_x, self.validation_y


@dataclass(frozen=True)
class MemorySuite(Suite):
    """A suite whose images fit into memory: a subclass loads them."""

    def load(self, folder: Path | None = None, download: bool = False) -> InMemory:
        """The data on the CPU; a missing or damaged file is a UserError."""
        raise NotImplementedError

    def open(self, place: Place, folder: Path | None = None, download: bool = False, validation: int = 0) -> InMemory:
        """The data on the place's device, with `validation` images held out."""
        whole = self.load(folder, download)
        return (whole.hold_out(validation) if validation else whole).to(place.device).at(place)


def held_out(samples: int, count: int) -> tuple[Tensor, Tensor]:
    """(count,) and (samples - count,) sorted indices of training samples: held out for validation, and left."""
    if count >= samples:
        raise UserError(f"validation holds out {count} images of {samples}: leave some to train on.")
    order = torch.randperm(samples, generator=torch.Generator().manual_seed(seed_of("validation")))  # (N,)
    return order[:count].sort().values, order[count:].sort().values


def draw_crops(count: int, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """(N, 3) integers: row offset, column offset, mirrored or not."""
    offsets = torch.randint(2 * augmentation.pad + 1, (count, 2), generator=generator)
    mirror = torch.randint(2, (count, 1), generator=generator) * int(augmentation.flip)
    return torch.cat([offsets, mirror], dim=1)


def draw_holes(count: int, image: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """(N, 2) integers: row and column of a pixel."""
    return torch.cat([torch.randint(side, (count, 1), generator=generator) for side in image[1:]], dim=1)


def cut_out(x: Tensor, centre: Tensor, side: int) -> None:
    """Put 0 into images (B, C, H, W) in the `side` rows and columns from `centre` (B, 2) - side // 2 on."""
    within = []
    for length, middle in zip(x.shape[2:], centre.unbind(dim=1), strict=True):
        distance = torch.arange(length, device=x.device) - middle[:, None] + side // 2  # (B, length)
        within.append((distance >= 0) & (distance < side))
    rows, columns = within
    x.masked_fill_((rows[:, :, None] & columns[:, None, :])[:, None], 0)


def reflected(position: Tensor, length: int) -> Tensor:
    """Positions beyond either end of a row of pixels, mirrored at the end."""
    last = length - 1
    return last - (last - position.abs()).abs()


def augment(x: Tensor, draw: Tensor, augmentation: Augmentation) -> Tensor:
    """Crop the padded images (B, C, H, W) at (row, column) = `draw[:, :2]`, mirrored where `draw[:, 2]` is 1."""
    height, width = x.shape[2:]
    rows = draw[:, 0, None] + torch.arange(height, device=x.device)  # (B, H)
    steps = torch.arange(width, device=x.device).expand(len(x), width)  # (B, W)
    mirrored = torch.where(draw[:, 2, None] == 1, width - 1 - steps, steps)
    columns = draw[:, 1, None] + mirrored  # (B, W)
    if augmentation.padding == "reflect":  # by index: PyTorch reflects no bytes on a GPU
        padded = x
        rows, columns = reflected(rows - augmentation.pad, height), reflected(columns - augmentation.pad, width)
    else:
        padded = pad(x, [augmentation.pad] * 4)
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)  # channels last


def normalise(x: Tensor, normalisation: Normalisation) -> Tensor:
    """uint8 images (B, 3, H, W) as float32, channels last, with the recipe's mean and standard deviation."""
    mean, scale = constants(normalisation, x.device)
    return ((x - mean) * scale).contiguous(memory_format=torch.channels_last)


@functools.lru_cache(maxsize=64)  # made once, and not in every batch
def constants(normalisation: Normalisation, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and reciprocal standard deviation (1, 3, 1, 1) in units of a pixel, 0..255."""
    mean = moved(torch.tensor(normalisation.mean), device).mul(255).view(1, -1, 1, 1)
    scale = moved(torch.tensor(normalisation.std), device).mul(255).reciprocal().view(1, -1, 1, 1)
    return mean, scale
