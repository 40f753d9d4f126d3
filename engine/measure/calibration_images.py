"""The images by which a quantiser learns the ranges of activations: training images, the same ones each time.

They are the first COUNT of a training's first epoch at seed 0, cropped and mirrored as weakly as the recipe does it:
neither mixed nor strengthened, so that ranges are those of images like the ones a network will be asked about.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from cheapconv.suites.base import Data
from cheapconv.suites.recipe import Recipe

COUNT = 256
FEW = 16  # where no answer counts


@dataclass(frozen=True, eq=False)
class CalibrationImages:
    """Images (N, C, H, W) on the CPU, normalised, and whose they are."""

    images: Tensor
    of: str  # a suite's label

    @cached_property
    def digest(self) -> str:
        """Tells them from any others, in the name of what was made by them."""
        return hashlib.sha256(self.images.contiguous().numpy().tobytes()).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{len(self.images)} images of {self.of} ({self.digest})"

    @classmethod
    def drawn(cls, data: Data, recipe: Recipe, label: str) -> "CalibrationImages":
        """Training images of a suite, whose label is given."""
        weak = replace(recipe.augmentation, cutout=None, views=None, strong=None)
        plain = replace(recipe, augmentation=weak, mix=None, smoothing=None)
        found: list[Tensor] = []
        for batch in data.train(plain, seed=0, epoch=0):
            found.append(batch.x.cpu().contiguous())
            if sum(map(len, found)) >= COUNT:
                break
        return cls(torch.cat(found)[:COUNT], f"{label} for training")

    @classmethod
    def random(cls, shape: tuple[int, int, int]) -> "CalibrationImages":
        """For networks that are timed and know nothing: normally distributed pixels of a few images (C, H, W)."""
        return cls(torch.randn((FEW, *shape), generator=torch.Generator().manual_seed(0)), "noise")
