"""Real handwritten digits, small enough to be embedded: a comparison in minutes on any machine.

Source: the 1,797 8x8 images of scikit-learn's `load_digits` (Alpaydin and Kaynak, UCI "Optical Recognition of
Handwritten Digits", 1998). Split once, stratified: 1,297 to train, 500 to test. The grey channel is repeated three
times, so that every network takes it as it is.
"""

import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from cheapconv.catalog import register
from cheapconv.catalog.errors import UserError
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.memory import InMemory, MemorySuite
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule

TEST_IMAGES = 500

# A mirrored digit is no digit, and two pixels of eight are a lot: the crop moves by one, nothing is flipped.
_SHORT = Recipe(
    name="short",
    epochs=8,
    batch=64,
    lr=0.05,  # 0.1 x batch / 128
    weight_decay=5e-4,
    schedule=Schedule(kind="onecycle"),
    augmentation=Augmentation(pad=1, flip=False),
    normalisation=Normalisation(mean=(0.305,) * 3, std=(0.376,) * 3),  # of the training images, measured
)


@register("suite", "digits", paper="Alpaydin and Kaynak, UCI Optical Recognition of Handwritten Digits, 1998")
class Digits(MemorySuite):
    """Real 8x8 handwritten digits (scikit-learn), 1,297 to train and 500 to test; needs no download."""

    label: ClassVar[str] = "Digits"
    terms: ClassVar[str] = "UCI Machine Learning Repository, Creative Commons Attribution 4.0"
    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "0b7e9c3202d7bcd2"
    classes: ClassVar[int] = 10
    image: ClassVar[tuple[int, int, int]] = (3, 8, 8)
    train_samples: ClassVar[int | None] = 1297
    recipes: ClassVar[dict[str, Recipe]] = {"short": _SHORT}

    def load(self, folder: Path | None = None, download: bool = False) -> InMemory:
        """The digits as they come with scikit-learn; `folder` is not needed."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.round(digits.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8), 17 grey levels
        labels = digits.target.astype(np.int64)
        found = fingerprint(images, labels)
        if found != self.fingerprint:
            raise UserError(f"this scikit-learn holds other digits ({found}) than the suite's; install 1.5 or newer.")
        test = _test_mask(labels)
        return InMemory(
            *_tensors(images[~test], labels[~test]), *_tensors(images[test], labels[test]), tuple("0123456789")
        )


def fingerprint(images: np.ndarray, labels: np.ndarray) -> str:
    """Short hash of the pixels and labels."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()[:16]


def _test_mask(labels: np.ndarray) -> np.ndarray:
    """True for the test images: of every class the same share, spread evenly over the order of the file."""
    mask = np.zeros(len(labels), dtype=bool)
    shares = np.bincount(labels) * TEST_IMAGES / len(labels)
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares, kind="stable")[: TEST_IMAGES - counts.sum()]] += 1  # largest remainders
    for digit, count in enumerate(counts):
        positions = np.flatnonzero(labels == digit)
        mask[positions[(np.arange(count) * len(positions)) // count]] = True
    return mask


def _tensors(images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, 3, 8, 8) uint8 and (N,) int64."""
    return torch.from_numpy(images)[:, None].repeat(1, 3, 1, 1), torch.from_numpy(labels)
