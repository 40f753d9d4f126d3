"""A plugin with the suite `synthetic`: noise of CIFAR's shape, whose training takes the time of CIFAR's."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from cheapconv.catalog import register
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.memory import InMemory, MemorySuite
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule

CLASSES = 10


@register("suite", "synthetic")
@dataclass(frozen=True)
class Synthetic(MemorySuite):
    """Random bytes with random labels, 3 x 32 x 32."""

    images: int = 5000
    tested: int = 1000

    label: ClassVar[str] = "Synthetic"
    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "noise"
    classes: ClassVar[int] = CLASSES
    image: ClassVar[tuple[int, int, int]] = (3, 32, 32)
    recipes: ClassVar[dict[str, Recipe]] = {
        "short": Recipe(
            name="short",
            epochs=1,
            batch=128,
            lr=0.1,
            weight_decay=5e-4,
            schedule=Schedule(kind="onecycle"),
            augmentation=Augmentation(pad=4, flip=True),
            normalisation=Normalisation(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),
        )
    }

    def load(self, folder: Path | None = None, download: bool = False) -> InMemory:
        """The same at every call."""
        generator = torch.Generator().manual_seed(0)
        counts = (self.images, self.tested)
        x, xt = (torch.randint(256, (n, 3, 32, 32), dtype=torch.uint8, generator=generator) for n in counts)
        y, yt = (torch.randint(CLASSES, (n,), generator=generator) for n in counts)
        return InMemory(x, y, xt, yt, tuple(map(str, range(CLASSES))))
