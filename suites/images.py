"""A folder of the user's own photographs: classes, split, mean and deviation are read off it.

A folder with a folder for each class, or with train/ and val/ (or test/) of such folders, or a CSV of file and label,
or tars, or Parquet (suites/packed.py). A set whose images fit into 256 MiB at `side` is decoded once, and its crops are
taken from a padded image in memory, as CIFAR's are; a larger one is read from the disk in every epoch, and a crop is a
share of the photograph's area.

The recipe is this suite's own, and says nothing of a paper's: the numbers of CIFAR's `short` (suites/cifar.toml), with
smaller batches for few images, and as many epochs as make some 2,400 updates, which is what `short` makes there, within
6 and 60; `long` has four times as many.
"""

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.errors import UserError
from cheapconv.suites import packed, prepared
from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.base import Data, Suite
from cheapconv.suites.crops import told
from cheapconv.suites.division import Division, divide
from cheapconv.suites.folders import Listed, listed
from cheapconv.suites.loader import EVAL_BATCH, EvaluationImages, Loader, ShareSampler
from cheapconv.suites.memory import InMemory
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule
from cheapconv.suites.skipped import Skipped

IN_MEMORY = 2**28  # bytes: 21,845 images of 64 x 64, 1,783 of 224 x 224
UPDATES = 2400
FEW = 5000  # training images, of which batches are small
CROPS = (0.35, 1.0)  # shares of the area; 0.08 of ImageNet's recipes is for ten times as many images and epochs


@register("suite", "images")
@dataclass(frozen=True, kw_only=True)
class Images(Suite):
    """Your own photographs: class folders, train/ and val/ with such, a CSV of file and label, tar shards, Parquet."""

    protocol: ClassVar[int] = 1

    path: str
    side: Annotated[int, Ge(8), Le(1024)]
    flip: bool = True  # false where left and right mean something

    @property
    def label(self) -> str:
        """The folder's name."""
        return Path(self.path).resolve().name

    @property
    def fingerprint(self) -> str:
        """Of what all images hold, and of their classes."""
        return self._division.fingerprint

    @property
    def classes(self) -> int:
        """As many as there are folders, or labels in the CSV."""
        return len(self._listed.class_names)

    @property
    def image(self) -> tuple[int, int, int]:
        """(3, side, side)."""
        return 3, self.side, self.side

    @property
    def framing(self) -> str:
        """Of a photograph, as it is tested."""
        return told(self.side)

    @property
    def train_samples(self) -> int:
        """Of those that can be read."""
        return len(self._division.train)

    @property
    def recipes(self) -> dict[str, Recipe]:
        """`short` and `long`, by the number of training images."""
        samples = self.train_samples
        batch = 32 if samples < FEW else 128
        steps = -(-samples // batch)
        pad, area = (self.side // 8, None) if self._in_memory else (0, CROPS)
        short = Recipe(
            name="short",
            epochs=min(max(round(UPDATES / steps), 6), 60),
            batch=batch,
            lr=0.1 * batch / 128,
            weight_decay=5e-4,
            schedule=Schedule(kind="onecycle"),
            augmentation=Augmentation(pad=pad, flip=self.flip, area=area),
            normalisation=self._division.normalisation,
        )
        return {"short": short, "long": replace(short, name="long", epochs=4 * short.epochs)}

    @property
    def recipe_names(self) -> tuple[str, ...]:
        """Those of `recipes`."""
        return "short", "long"

    def places(self) -> tuple[str, ...]:
        """The folder is known by what it holds."""
        return ("path",)

    def open(self, place: Place, folder: Path | None = None, download: bool = False, validation: int = 0) -> Data:
        """The data on a place; `folder` is not needed."""
        found = self._division
        skipped = Skipped(found.images, dict(found.skipped))
        loader = Loader(found.train, found.test, found.class_names, self.side, place, skipped)
        if not self._in_memory:
            return loader.hold_out(validation) if validation else loader
        train, test = (_decoded(loader, part) for part in (found.train, found.test))
        memory = InMemory(*train, *test, found.class_names, skipped=skipped.found)
        return (memory.hold_out(validation) if validation else memory).to(place.device).at(place)

    @property
    def _in_memory(self) -> bool:
        """Whether the images are decoded once."""
        return (len(self._division.train) + len(self._division.test)) * 3 * self.side**2 <= IN_MEMORY

    @functools.cached_property
    def _listed(self) -> Listed:
        path = Path(self.path)
        if packed.is_packed(path):
            return packed.listed(path)
        return prepared.listed(path) if prepared.is_store(path) else listed(path)

    @functools.cached_property
    def _division(self) -> Division:
        return divide(Path(self.path), self._listed, self.side)


def _decoded(loader: Loader, photos: Photos) -> tuple[Tensor, Tensor]:
    """(N, 3, side, side) uint8 and (N,): their middles."""
    share = ShareSampler(torch.arange(len(photos)), EVAL_BATCH, -(-len(photos) // EVAL_BATCH), start=0)
    parts = [*loader.load(EvaluationImages(photos, loader.side), share)]
    pixels = torch.cat([part.pixels[0] for part in parts])  # (N, H, W, 3)
    if len(pixels) < len(photos):
        raise UserError(f"{photos.root} has changed since it was looked at: start the command again.")
    return pixels.permute(0, 3, 1, 2).contiguous(), torch.cat([part.y for part in parts])
